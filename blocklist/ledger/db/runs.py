"""Read runs, the commands that wrote to the ledger, and the last execution of periodic jobs."""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from blocklist.ledger.db.timestamps import (
    PROGRAM_START,
    current_timestamp,
    format_timestamp,
    seconds_until,
)
from blocklist.ledger.db.transaction import Transaction, write_transaction

#: Periodic jobs: detect feeds that repeat another feed; query the DNS.
ECHO_DETECTION, DNS_SURVEY = "echoes", "facts"
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


def find_run_ahead(reader: sqlite3.Connection, before: int) -> Run | None:
    """Return the run just before another if its start is in the future by this clock."""
    last = _select_run(reader, "DESC", before)
    return last if last and seconds_until(last.started) > _CLOCK_SLACK_SECONDS else None


def find_future_run(reader: sqlite3.Connection) -> Run | None:
    """Return the last run whose start is in the future by this clock.

    Decisions may have been stored after it, with a clock that was right again.
    """
    now = format_timestamp(datetime.now(UTC) + timedelta(seconds=_CLOCK_SLACK_SECONDS))
    sql = """SELECT id, command, started, finished FROM run WHERE started > ?
        ORDER BY id DESC LIMIT 1"""
    row = reader.execute(sql, (now,)).fetchone()
    return Run(*row) if row else None


def find_interrupted_run(reader: sqlite3.Connection) -> Run | None:
    """Return the last run that did not end, unless it works still or a later one made up for it.

    The caller must know whether a run works still. Decisions may have run after it, so it need not
    be the latest; the same command, or `run`, makes up for it.
    """
    row = reader.execute(
        "SELECT id, command, started, finished FROM run AS gone WHERE finished IS NULL AND NOT "
        "EXISTS (SELECT 1 FROM run AS later WHERE later.id > gone.id AND later.finished IS NOT "
        "NULL AND later.command IN (gone.command, 'run')) ORDER BY id DESC LIMIT 1"
    ).fetchone()
    return Run(*row) if row else None


def list_publishing_runs(reader: sqlite3.Connection, limit: int = 500) -> list[Run]:
    """Return the last runs that ended well and could publish a release, newest first."""
    rows = reader.execute(
        "SELECT id, command, started, finished FROM run WHERE finished IS NOT NULL AND command IN "
        "('run', 'release build') ORDER BY id DESC LIMIT ?",
        [limit],
    )
    return [Run(*row) for row in rows]


def find_misdated_runs(reader: sqlite3.Connection) -> list[Run]:
    """Return the runs whose start is before this program existed, or in the future."""
    latest = format_timestamp(datetime.now(UTC) + timedelta(seconds=_CLOCK_SLACK_SECONDS))
    sql = (
        "SELECT id, command, started, finished FROM run WHERE started < ? OR started > ? "
        "ORDER BY id"
    )
    return [Run(*row) for row in reader.execute(sql, [PROGRAM_START, latest])]


def redate_runs(database: Path) -> None:
    """Date each misdated run as the nearest run before it, or else after it, that is not."""
    with write_transaction(database) as transaction:
        misdated = {run.number for run in find_misdated_runs(transaction.connection)}
        starts = dict(transaction.execute("SELECT id, started FROM run ORDER BY id").fetchall())
        good = [number for number in starts if number not in misdated]
        for number in misdated if good else ():
            before = [other for other in good if other < number]
            start = starts[before[-1] if before else good[0]]
            sql = "UPDATE run SET started = ?, finished = min(finished, ?) WHERE id = ?"
            transaction.execute(sql, start, current_timestamp(), number)


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


def last_job_time(reader: sqlite3.Connection, job: str) -> str | None:
    """Return when a periodic job was last executed, None where it never was."""
    row = reader.execute("SELECT at FROM job WHERE name = ?", [job]).fetchone()
    return str(row[0]) if row else None


def last_job_run(reader: sqlite3.Connection, job: str) -> int | None:
    """Return the run that last executed a periodic job, None where none did."""
    row = reader.execute("SELECT run_id FROM job WHERE name = ?", [job]).fetchone()
    return int(row[0]) if row else None


def record_job(transaction: Transaction, job: str, run: int) -> None:
    """Record that a run executed a periodic job just now."""
    sql = "INSERT OR REPLACE INTO job (name, at, run_id) VALUES (?, ?, ?)"
    transaction.execute(sql, job, current_timestamp(), run)
