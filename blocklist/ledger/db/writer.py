"""Hold the writer's lock and record the run: database and command -> `LedgerWriter`."""

import getpass
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from blocklist.ledger.db.connection import prepare_database
from blocklist.ledger.db.lock import hold_writer_lock
from blocklist.ledger.db.timestamps import current_timestamp
from blocklist.ledger.db.transaction import Transaction, write_transaction


@dataclass(frozen=True, slots=True)
class LedgerWriter:
    """The right to write to a database: its path, the number of the run, and who runs it."""

    database: Path
    run_id: int
    author: str

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Begin a transaction that writes; see `write_transaction`."""
        return write_transaction(self.database)


@contextmanager
def open_ledger_writer(database: Path, command: str) -> Iterator[LedgerWriter]:
    """Hold the lock and open a run; the run is marked finished when the body ends well."""
    with hold_writer_lock(database, command):
        prepare_database(database)
        with write_transaction(database) as transaction:
            author = current_author()
            run = _insert_run(transaction, command, author)
        yield LedgerWriter(database, run, author)
        with write_transaction(database) as transaction:
            sql = "UPDATE run SET finished = ? WHERE id = ?"
            transaction.execute(sql, current_timestamp(), run)


def _insert_run(transaction: Transaction, command: str, author: str) -> int:
    sql = "INSERT INTO run (command, started, who) VALUES (?, ?, ?) RETURNING id"
    (run,) = transaction.execute(sql, command, current_timestamp(), author).fetchone()
    return int(run)


def current_author() -> str:
    """Return the name of the user who gives the command; under sudo, of the user who called it."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (OSError, KeyError):  # a container's user need not have a name
        return f"user {os.getuid()}"
