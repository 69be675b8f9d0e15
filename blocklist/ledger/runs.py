"""The commands that wrote to the ledger, and when."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Run:
    """A command that wrote; `finished` is None while it works, and for good when it was killed."""

    number: int
    command: str
    started: str
    finished: str | None


def first(reader: sqlite3.Connection) -> Run | None:
    """Return the run that began first."""
    return _one(reader, "ASC")


def last(reader: sqlite3.Connection) -> Run | None:
    """Return the run that began last."""
    return _one(reader, "DESC")


def _one(reader: sqlite3.Connection, order: str) -> Run | None:
    sql = f"SELECT id, command, started, finished FROM run ORDER BY id {order} LIMIT 1"
    row = reader.execute(sql).fetchone()
    return Run(*row) if row else None


def days(reader: sqlite3.Connection) -> dict[int, float]:
    """Return when each run began, in days since 1970."""
    return {
        number: datetime.fromisoformat(started).timestamp() / 86400
        for number, started in reader.execute("SELECT id, started FROM run")
    }
