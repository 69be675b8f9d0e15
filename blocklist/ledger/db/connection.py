"""Open and check the database: path -> connection, or `StorageError` with file and cause.

Refuses foreign, newer and damaged databases, and reports faults of its pages and rows. Python's
sqlite3 and ADBC each carry a SQLite library, and two SQLite libraries in one process corrupt a
database: closing a file in one drops the POSIX locks of the other
(https://www.sqlite.org/howtocorrupt.html, 2.2.1). So every open happens under
`lock_sqlite_library`.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from blocklist.errors import StorageError

#: `PRAGMA application_id`, so that a foreign database is never taken for ours ("BLKL").
APPLICATION_ID = 0x424C4B4C
#: `PRAGMA user_version` after the last migration of schema.py.
SCHEMA_VERSION = 13
#: The one after which there are candidates, pins, and the origins of releases.
HISTORY_VERSION = 5
#: The one after which votes are kept.
WEIGHTS_VERSION = 7
#: The one after which it is known what releases and files were made of.
DIGESTS_VERSION = 8
#: The one after which listings and verdicts that say the same are packed as they are now. Those of
#: an earlier one are read through its views, however they are kept.
PACKS_VERSION = 13
#: The one after which it is known what else than listings a release was made of.
CONTEXT_DIGEST_VERSION = 12

#: How many seconds to wait for another program that is reading or writing just now.
BUSY_TIMEOUT_SECONDS = 10

#: How damage shows: SQLite sees it, or hands on bytes of the schema that are no text.
_DAMAGE_ERRORS = (sqlite3.DatabaseError, UnicodeDecodeError)

_sqlite_lock = threading.Lock()


@contextmanager
def lock_sqlite_library() -> Iterator[None]:
    """Hold the right to open the database; a second holder is a mistake in this program."""
    if not _sqlite_lock.acquire(blocking=False):
        raise RuntimeError("the ledger is open already in this process")
    try:
        yield
    finally:
        _sqlite_lock.release()


@contextmanager
def open_read_only(database: Path) -> Iterator[sqlite3.Connection | None]:
    """Give a read-only connection, or None when there is no database yet."""
    if not _database_exists(database):
        yield None
        return
    with lock_sqlite_library():
        connection = _connect_read_only(database)
        try:
            yield connection if schema_version(connection) else None
        except _DAMAGE_ERRORS as error:
            raise storage_error(database, "read", error) from None
        finally:
            connection.close()


def storage_error(database: Path, what: str, error: Exception) -> StorageError:
    """Return the error for a database that cannot be read or written, or `what` it cannot be."""
    # So SQLite speaks of a disk that is full or failing, and of a file that may not grow.
    disk = ("disk I/O error", "database or disk is full")
    todo = "; what was complete before stays: is the disk full or failing? then run it again"
    told = todo if any(words in str(error) for words in disk) else ""
    return StorageError(f"{database}: cannot be {what}: {error}{told}")


@contextmanager
def open_read_write(database: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection that writes and commits each statement; the tables exist (`prepare`)."""
    with lock_sqlite_library():
        connection = _connect(f"{database.resolve().as_uri()}?mode=rw", database)
        try:
            yield connection
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
            raise  # a mistake in this program
        except _DAMAGE_ERRORS as error:
            raise storage_error(database, "written", error) from None
        finally:
            connection.close()


def prepare_database(database: Path) -> None:
    """Make the database with all its tables, or migrate it to the newest form."""
    with lock_sqlite_library():
        connection = _connect(f"{database.resolve().as_uri()}?mode=rwc", database)
        try:
            _check_database(connection, database)
            known = schema_version(connection)
            if not known:  # new, or left half made
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            elif known < SCHEMA_VERSION:
                _back_up_database(connection, database)
            connection.execute("PRAGMA journal_mode = WAL")
            if known < SCHEMA_VERSION:
                _apply_migrations(connection)
        except _DAMAGE_ERRORS as error:
            raise storage_error(database, "written", error) from None
        finally:
            connection.close()


def _apply_migrations(connection: sqlite3.Connection) -> None:
    from sqlite_utils import Database

    from blocklist.ledger.db.schema import migrations

    migrations.apply(Database(connection))


def _back_up_database(connection: sqlite3.Connection, database: Path) -> None:
    """Copy a database of an older version before it is migrated; an earlier copy stays."""
    from blocklist.atomic_files import replace_atomically

    copy = database.with_name(f"{database.name}.schema-{schema_version(connection)}")
    if copy.exists():
        return
    with replace_atomically(copy) as beside:
        target = sqlite3.connect(beside)
        try:
            connection.backup(target)
        finally:
            target.close()


def _connect_read_only(database: Path) -> sqlite3.Connection:
    connection = _connect(f"{database.resolve().as_uri()}?mode=ro", database)
    try:
        _check_database(connection, database)
    except sqlite3.OperationalError as error:
        if os.access(database.parent, os.W_OK):
            connection.close()
            raise storage_error(database, "read", error) from None
        connection.close()
        _require_no_wal(database)
        # A WAL database in a folder that cannot be written to opens only as immutable.
        connection = _connect(f"{database.resolve().as_uri()}?immutable=1", database)
        try:
            _check_database(connection, database)
        except sqlite3.OperationalError as error:
            raise storage_error(database, "read", error) from None
    return connection


def _require_no_wal(database: Path) -> None:
    """Refuse what would be read without its log, for the log holds what was committed last."""
    log = database.with_name(f"{database.name}-wal")
    if log.exists() and log.stat().st_size:
        raise StorageError(
            f"{database}: a program that was stopped left its log, {log.name}, which can be read "
            "only where the folder can be written to; run `blocklist update` there"
        )


def _database_exists(database: Path) -> bool:
    try:
        return database.exists()
    except OSError as error:
        raise StorageError(f"{database}: cannot be read: {error.strerror}") from None


def schema_version(connection: sqlite3.Connection) -> int:
    """Return the number of the last migration that the database has seen."""
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    return int(number)


def _connect(uri: str, database: Path) -> sqlite3.Connection:
    try:
        return sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None)
    except sqlite3.Error as error:
        cause = "it is a folder" if database.is_dir() else error
        raise StorageError(f"{database}: cannot be opened: {cause}") from None


def _check_database(connection: sqlite3.Connection, database: Path) -> None:
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        written = schema_version(connection)
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        raise
    except _DAMAGE_ERRORS as error:
        raise StorageError(f"{database}: not a database of this program: {error}") from None
    if tables and application != APPLICATION_ID:
        raise StorageError(f"{database}: a database of another program; set another `database`")
    if written > SCHEMA_VERSION:
        raise StorageError(
            f"{database}: written by a newer version of blocklist (schema {written}, "
            f"this one knows {SCHEMA_VERSION}); upgrade blocklist"
        )
