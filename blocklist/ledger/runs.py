"""The commands that wrote to the ledger, and when."""

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Run:
    """A command that wrote; `finished` is None while it works, and for good when it was killed."""

    number: int
    command: str
    started: str
    finished: str | None


def last(reader: sqlite3.Connection) -> Run | None:
    """Return the run that began last."""
    sql = "SELECT id, command, started, finished FROM run ORDER BY id DESC LIMIT 1"
    row = reader.execute(sql).fetchone()
    return Run(*row) if row else None
