"""Open and check the database: path -> connection, or `StorageError` with file and cause.

Foreign, newer and damaged databases are refused. The code that opens a connection also closes it.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from blocklist.errors import StorageError

#: `PRAGMA application_id`, so that a foreign database is never taken for ours ("BLKL").
APPLICATION_ID = 0x424C4B4C
#: `PRAGMA user_version` after the last migration of `schema`.
SCHEMA_VERSION = 1

#: How many seconds to wait while another program writes: a list of millions is one transaction.
BUSY_TIMEOUT_SECONDS = 60

#: How damage shows: SQLite reports it, or returns bytes of the schema that are not text.
_DAMAGE_ERRORS = (sqlite3.DatabaseError, UnicodeDecodeError)
#: After so many steps of a statement, some ten milliseconds, Python can handle Ctrl-C.
_STEPS_BETWEEN_SIGNALS = 1_000_000
_MAX_FAULTS = 5
#: SQLite's words for a file or a folder that may not be written to.
_NO_WRITING = ("unable to open database file", "readonly database")
#: SQLite waits for so long at a time, in milliseconds, so that Ctrl-C ends the wait.
_BUSY_STEP_MILLISECONDS = 100


@contextmanager
def open_read_only(database: Path) -> Iterator[sqlite3.Connection | None]:
    """Give a read-only connection, or None when there is no database yet."""
    if not _database_exists(database):
        yield None
        return
    with open_existing(database) as connection:
        yield connection if schema_version(connection) else None


@contextmanager
def open_existing(database: Path) -> Iterator[sqlite3.Connection]:
    """Give a read-only connection to a database that exists."""
    with closing(_connect_read_only(database)) as connection, _translate_errors(database, "read"):
        yield connection


@contextmanager
def open_read_write(database: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection that commits each statement; the tables exist (`prepare_database`)."""
    connecting = closing(_connect(database, "mode=rw"))
    with connecting as connection, _translate_errors(database, "written"):
        yield connection


def begin_writing(connection: sqlite3.Connection) -> None:
    """Begin a transaction that writes, after those of other programs; Ctrl-C ends the wait."""
    deadline = time.monotonic() + BUSY_TIMEOUT_SECONDS
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_STEP_MILLISECONDS}")
    while not _try_to_begin(connection, is_last=time.monotonic() >= deadline):
        pass
    connection.execute(f"PRAGMA busy_timeout = {1000 * BUSY_TIMEOUT_SECONDS:.0f}")


def _try_to_begin(connection: sqlite3.Connection, *, is_last: bool) -> bool:
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        # The low byte of an extended code is the kind of the error.
        if is_last or error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True


@contextmanager
def _translate_errors(database: Path, action: str) -> Iterator[None]:
    """Raise `StorageError` for an error of SQLite, and `KeyboardInterrupt` for Ctrl-C.

    `action` is what the database cannot be: read or written. A mistake in this program (a broken
    constraint, a wrong number of parameters) is raised as it is.
    """
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise
    except _DAMAGE_ERRORS as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
            raise KeyboardInterrupt from None
        raise _storage_error(database, action, error) from None


#: The cause is that of SQLite.
_DAMAGED = (
    "damaged, or not a database (SQLite: {}); restore your last backup of it. Without a backup, "
    "move it away and run again: history and your own entries are then lost"
)


def _storage_error(database: Path, action: str, error: Exception) -> StorageError:
    """Return the error for a database that cannot be read or written, with the cause."""
    # SQLite's words for a disk that is full or failing, and for a file that may not grow.
    disk = ("disk I/O error", "database or disk is full")
    remedy = "; completed steps are kept. Free space on the disk, or replace it, and run this again"
    advice = remedy if any(words in str(error) for words in disk) else ""
    if isinstance(error, sqlite3.DatabaseError) and "malformed" in str(error):
        return StorageError(f"{database}: {_DAMAGED.format(error)}")
    if action == "written" and any(words in str(error) for words in _NO_WRITING):
        advice = "; let this user write to the file and to its folder"
    return StorageError(f"{database}: cannot be {action}: {error}{advice}")


def prepare_database(database: Path) -> None:
    """Make the database with all its tables, or migrate it to the newest schema."""
    connecting = closing(_connect(database, "mode=rwc"))
    with connecting as connection, _translate_errors(database, "written"):
        _check_database(connection, database)
        version = schema_version(connection)
        if not version:  # new, or left half made
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        elif version < SCHEMA_VERSION:
            _back_up_database(connection, database)
        connection.execute("PRAGMA journal_mode = WAL")
        if version < SCHEMA_VERSION:
            _apply_migrations(connection)


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
    with replace_atomically(copy) as beside, closing(sqlite3.connect(beside)) as target:
        connection.backup(target)


def schema_version(connection: sqlite3.Connection) -> int:
    """Return the number of the last migration that was applied to the database."""
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    return int(number)


def find_database_faults(reader: sqlite3.Connection) -> list[str]:
    """Return the first faults of the pages and of the references between rows."""
    pages = reader.execute(f"PRAGMA integrity_check({_MAX_FAULTS})").fetchall()
    orphans = reader.execute("PRAGMA foreign_key_check").fetchmany(_MAX_FAULTS)
    faults = [str(text) for (text,) in pages if text != "ok"]
    return faults + [f"a row of {table} refers to no {parent}" for table, _, parent, _ in orphans]


def _connect_read_only(database: Path) -> sqlite3.Connection:
    try:
        return _connect_checked(database, "mode=ro")
    except sqlite3.OperationalError as error:
        if os.access(database.parent, os.W_OK):
            raise _storage_error(database, "read", error) from None
    _require_no_wal(database)
    try:
        # A WAL database in a folder that cannot be written to opens only as immutable.
        return _connect_checked(database, "immutable=1")
    except sqlite3.OperationalError as error:
        raise _storage_error(database, "read", error) from None


def _connect_checked(database: Path, mode: str) -> sqlite3.Connection:
    connection = _connect(database, mode)
    try:
        _check_database(connection, database)
    except BaseException:
        connection.close()
        raise
    return connection


def _require_no_wal(database: Path) -> None:
    """Refuse a database whose log cannot be read, because the log holds the last commits."""
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


def _connect(database: Path, mode: str) -> sqlite3.Connection:
    uri = f"{database.resolve().as_uri()}?{mode}"
    try:
        connection = sqlite3.connect(
            uri, uri=True, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None
        )
    except sqlite3.Error as error:
        cause = "it is a folder" if database.is_dir() else error
        raise StorageError(f"{database}: cannot be opened: {cause}") from None
    # SQLite runs no Python code within a statement but this: here a signal is handled, and an
    # exception that it raises, such as KeyboardInterrupt, stops the statement.
    connection.set_progress_handler(lambda: 0, _STEPS_BETWEEN_SIGNALS)
    return connection


def _check_database(connection: sqlite3.Connection, database: Path) -> None:
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        written = schema_version(connection)
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        raise
    except _DAMAGE_ERRORS as error:
        raise StorageError(f"{database}: {_DAMAGED.format(error)}") from None
    if tables and application != APPLICATION_ID:
        raise StorageError(f"{database}: a database of another program; set another `database`")
    if written > SCHEMA_VERSION:
        raise StorageError(
            f"{database}: written by a newer version of blocklist (schema {written}, "
            f"this version reads up to {SCHEMA_VERSION}); upgrade blocklist"
        )
