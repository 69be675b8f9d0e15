"""Write to the ledger: database and command -> the writer of a job or of a decision, and its run.

A *job* (run, update, resolve, export, prune, a release by hand) works for minutes and holds the
job lock, so there is one at a time. A *decision* (an entry, a review, an unpin) holds no lock: it
is one short transaction, which waits only while another transaction is written.
"""

import getpass
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from blocklist.errors import LockHeld, StorageError
from blocklist.ledger.db.connection import (
    BUSY_TIMEOUT_SECONDS,
    SCHEMA_VERSION,
    open_read_only,
    prepare_database,
    schema_version,
)
from blocklist.ledger.db.lock import hold_writer_lock
from blocklist.ledger.db.timestamps import PROGRAM_START, current_timestamp
from blocklist.ledger.db.transaction import Transaction, write_transaction

_PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class LedgerWriter:
    """The right to write to a database: its path, the number of the run, and who runs it."""

    database: Path
    run_id: int
    author: str

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Begin a transaction that writes; see `write_transaction`."""
        return write_transaction(self.database)


@dataclass(frozen=True, slots=True)
class DecisionWriter(LedgerWriter):
    """A writer whose transactions are all part of one, which is committed at the end."""

    whole: Transaction

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Return the transaction of the decision."""
        return nullcontext(self.whole)


@contextmanager
def open_ledger_writer(database: Path, command: str) -> Iterator[LedgerWriter]:
    """Hold the job lock and open a run; the run is marked finished when the body ends well.

    Raise `LockHeld` (exit 5) at once if another job works.
    """
    with hold_writer_lock(database, command):
        prepare_database(database)
        with open_run(database, command) as writer:
            yield writer


@contextmanager
def open_run(database: Path, command: str) -> Iterator[LedgerWriter]:
    """Open a run without a lock; it is marked finished when the body ends well."""
    author = current_author()
    with write_transaction(database) as transaction:
        run = _insert_run(transaction, command, author, finished=None)
    yield LedgerWriter(database, run, author)
    with write_transaction(database) as transaction:
        sql = "UPDATE run SET finished = ? WHERE id = ?"
        transaction.execute(sql, current_timestamp(), run)


@contextmanager
def open_decision_writer(database: Path, command: str) -> Iterator[DecisionWriter]:
    """Begin the transaction of a decision, with its run; commit both if the body ends well.

    Nothing is stored otherwise. Wait while other transactions are written, also those of a job,
    which may store a list of millions in one. Raise `StorageError` after `BUSY_TIMEOUT_SECONDS`.
    """
    _ensure_current_schema(database, command)
    author = current_author()
    with write_transaction(database) as transaction:
        run = _insert_run(transaction, command, author, finished=current_timestamp())
        yield DecisionWriter(database, run, author, transaction)


def _ensure_current_schema(database: Path, command: str) -> None:
    """Create or migrate the database if needed, unless a job that just began does so.

    Only the holder of the job lock may do it, so that two first commands do not disturb each other.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_SECONDS
    while not _has_current_schema(database):
        try:
            with hold_writer_lock(database, command):
                prepare_database(database)
        except LockHeld:
            if time.monotonic() >= deadline:
                raise
            time.sleep(_PAUSE_SECONDS)


def _has_current_schema(database: Path) -> bool:
    with open_read_only(database) as reader:
        return reader is not None and schema_version(reader) == SCHEMA_VERSION


def _insert_run(
    transaction: Transaction, command: str, author: str, *, finished: str | None
) -> int:
    sql = "INSERT INTO run (command, started, finished, who) VALUES (?, ?, ?, ?) RETURNING id"
    started = current_timestamp()
    if started < PROGRAM_START:  # listings would be dated by it for good
        raise StorageError(
            f"the clock says {started}, so nothing was stored; set the system's clock, best by "
            "NTP, and run it again"
        )
    row = transaction.execute(sql, command, started, finished, author).fetchone()
    return int(row[0])


def current_author() -> str:
    """Return the name of the user who gives the command; under sudo, of the user who called it."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (OSError, KeyError):  # a container's user need not have a name
        return f"user {os.getuid()}"
