"""Read runs, the commands that wrote to the ledger: connection -> first, latest, start days."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from blocklist.ledger.db.timestamps import seconds_until

#: The clock of another machine may be so far ahead, in seconds.
_CLOCK_SLACK_SECONDS = 120
#: Above the number of any run.
_MAX_RUN_NUMBER = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Run:
    """A command that wrote; `finished` is None while it works, and for good when it was killed."""

    number: int
    command: str
    started: str
    finished: str | None


def first_run(reader: sqlite3.Connection) -> Run | None:
    """Return the run that began first."""
    return _select_run(reader, "ASC")


def latest_run(reader: sqlite3.Connection) -> Run | None:
    """Return the run that began last."""
    return _select_run(reader, "DESC")


def find_future_run(reader: sqlite3.Connection, before: int = _MAX_RUN_NUMBER) -> Run | None:
    """Return the last run (before another) if it began in what the clock calls the future."""
    found = _select_run(reader, "DESC", before)
    return found if found and seconds_until(found.started) > _CLOCK_SLACK_SECONDS else None


def _select_run(
    reader: sqlite3.Connection, order: str, before: int = _MAX_RUN_NUMBER
) -> Run | None:
    sql = f"SELECT id, command, started, finished FROM run WHERE id < ? ORDER BY id {order} LIMIT 1"
    row = reader.execute(sql, [before]).fetchone()
    return Run(*row) if row else None


def run_start_days(reader: sqlite3.Connection) -> dict[int, float]:
    """Return when each run began, in days since 1970."""
    return {
        number: datetime.fromisoformat(started).timestamp() / 86400
        for number, started in reader.execute("SELECT id, started FROM run")
    }
