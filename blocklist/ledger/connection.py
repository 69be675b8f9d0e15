"""Open the database: refuse foreign, newer and damaged ones with a clear message.

Python's sqlite3 and ADBC each carry a SQLite of their own, and two SQLite libraries in one process
corrupt a database: closing a file in one drops the POSIX locks of the other
(https://www.sqlite.org/howtocorrupt.html, 2.2.1). So whoever opens it does so under `only_library`.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from blocklist.errors import UsageError

#: `PRAGMA application_id`, so that a foreign database is never taken for ours ("BLKL").
APPLICATION_ID = 0x424C4B4C
#: `PRAGMA user_version` after the last migration of schema.py.
VERSION = 13
#: The one after which there are candidates, pins, and the origins of releases.
HISTORY = 5
#: The one after which votes are kept.
AGREEMENT = 7
#: The one after which it is known what releases and files were made of.
UNCHANGED = 8
#: The one after which listings and verdicts that say the same are packed as they are now. Those of
#: an earlier one are read through its views, however they are kept.
PACKED = 13
#: The one after which it is known what else than listings a release was made of.
PARTLY = 12

#: How many seconds to wait for another program that is reading or writing just now.
WAIT = 10

#: How damage shows: SQLite sees it, or hands on bytes of the schema that are no text.
_DAMAGE = (sqlite3.DatabaseError, UnicodeDecodeError)

_library = threading.Lock()


@contextmanager
def only_library() -> Iterator[None]:
    """Hold the right to open the database; a second holder is a mistake in this program."""
    if not _library.acquire(blocking=False):
        raise RuntimeError("the ledger is open already in this process")
    try:
        yield
    finally:
        _library.release()


@contextmanager
def reading(database: Path) -> Iterator[sqlite3.Connection | None]:
    """Give a read-only connection, or None when there is no database yet."""
    if not _exists(database):
        yield None
        return
    with only_library():
        connection = _open_for_reading(database)
        try:
            yield connection if version(connection) else None
        except _DAMAGE as error:
            raise unusable(database, "read", error) from None
        finally:
            connection.close()


def unusable(database: Path, what: str, error: Exception) -> UsageError:
    """Return the error for a database that cannot be read or written, or `what` it cannot be."""
    # So SQLite speaks of a disk that is full or failing, and of a file that may not grow.
    disk = ("disk I/O error", "database or disk is full")
    todo = "; what was complete before stays: is the disk full or failing? then run it again"
    told = todo if any(words in str(error) for words in disk) else ""
    return UsageError(f"{database}: cannot be {what}: {error}{told}")


@contextmanager
def writing(database: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection that writes and commits each statement; the tables exist (`prepare`)."""
    with only_library():
        connection = _connect(f"{database.resolve().as_uri()}?mode=rw", database)
        try:
            yield connection
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
            raise  # a mistake in this program
        except _DAMAGE as error:
            raise unusable(database, "written", error) from None
        finally:
            connection.close()


def prepare(database: Path) -> None:
    """Make the database with all its tables, or migrate it to the newest form."""
    with only_library():
        connection = _connect(f"{database.resolve().as_uri()}?mode=rwc", database)
        try:
            _check(connection, database)
            known = version(connection)
            if not known:  # new, or left half made
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            elif known < VERSION:
                _back_up(connection, database)
            connection.execute("PRAGMA journal_mode = WAL")
            if known < VERSION:
                _migrate(connection)
        except _DAMAGE as error:
            raise unusable(database, "written", error) from None
        finally:
            connection.close()


def _migrate(connection: sqlite3.Connection) -> None:
    from sqlite_utils import Database

    from blocklist.ledger.schema import migrations

    migrations.apply(Database(connection))


def _back_up(connection: sqlite3.Connection, database: Path) -> None:
    """Copy a database of an older version before it is migrated; an earlier copy stays."""
    from blocklist.files import replacing

    copy = database.with_name(f"{database.name}.schema-{version(connection)}")
    if copy.exists():
        return
    with replacing(copy) as beside:
        target = sqlite3.connect(beside)
        try:
            connection.backup(target)
        finally:
            target.close()


def _open_for_reading(database: Path) -> sqlite3.Connection:
    connection = _connect(f"{database.resolve().as_uri()}?mode=ro", database)
    try:
        _check(connection, database)
    except sqlite3.OperationalError as error:
        if os.access(database.parent, os.W_OK):
            connection.close()
            raise unusable(database, "read", error) from None
        connection.close()
        _require_no_log(database)
        # A WAL database in a folder that cannot be written to opens only as immutable.
        connection = _connect(f"{database.resolve().as_uri()}?immutable=1", database)
        try:
            _check(connection, database)
        except sqlite3.OperationalError as error:
            raise unusable(database, "read", error) from None
    return connection


def _require_no_log(database: Path) -> None:
    """Refuse what would be read without its log, for the log holds what was committed last."""
    log = database.with_name(f"{database.name}-wal")
    if log.exists() and log.stat().st_size:
        raise UsageError(
            f"{database}: a program that was stopped left its log, {log.name}, which can be read "
            "only where the folder can be written to; run `blocklist update` there"
        )


def _exists(database: Path) -> bool:
    try:
        return database.exists()
    except OSError as error:
        raise UsageError(f"{database}: cannot be read: {error.strerror}") from None


def version(connection: sqlite3.Connection) -> int:
    """Return the number of the last migration that the database has seen."""
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    return int(number)


def _connect(uri: str, database: Path) -> sqlite3.Connection:
    try:
        return sqlite3.connect(uri, uri=True, timeout=WAIT, isolation_level=None)
    except sqlite3.Error as error:
        cause = "it is a folder" if database.is_dir() else error
        raise UsageError(f"{database}: cannot be opened: {cause}") from None


def _check(connection: sqlite3.Connection, database: Path) -> None:
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        written = version(connection)
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        raise
    except _DAMAGE as error:
        raise UsageError(f"{database}: not a database of this program: {error}") from None
    if tables and application != APPLICATION_ID:
        raise UsageError(f"{database}: a database of another program; set another `database`")
    if written > VERSION:
        raise UsageError(
            f"{database}: written by a newer version of blocklist (schema {written}, "
            f"this one knows {VERSION}); upgrade blocklist"
        )
