"""Echoes, feeds that repeat another feed: store, read, and decide when to detect again."""

import sqlite3
from dataclasses import asdict

from blocklist.ledger.db.runs import (
    ECHO_DETECTION,
    first_run,
    last_job_run,
    last_job_time,
    record_job,
)
from blocklist.ledger.db.timestamps import days_since
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.model import Echo

#: Echoes show over days, and do not change often.
_FIRST_CHECK_DAYS, _NEXT_CHECK_DAYS = 1, 7


def load_echoes(reader: sqlite3.Connection) -> list[Echo]:
    """Return the echoes that were detected last."""
    rows = reader.execute(
        "SELECT follower, leader, contained, dated, behind FROM echo ORDER BY follower, leader"
    )
    return [Echo(*row) for row in rows]


def is_echo_detection_due(reader: sqlite3.Connection) -> bool:
    """Return whether it is time to detect echoes."""
    first, last = first_run(reader), last_job_time(reader, ECHO_DETECTION)
    wait = _FIRST_CHECK_DAYS if last is None else _NEXT_CHECK_DAYS
    return first is not None and days_since(last or first.started) >= wait


def is_echo_detection_current(reader: sqlite3.Connection) -> bool:
    """Return whether no feed has changed since the last detection, which would find the same."""
    last = last_job_run(reader, ECHO_DETECTION)
    sql = "SELECT NOT EXISTS (SELECT 1 FROM snapshot WHERE run_id > ? AND added + removed > 0)"
    return last is not None and bool(reader.execute(sql, [last]).fetchone()[0])


def save_echoes(writer: LedgerWriter, echoes: list[Echo]) -> None:
    """Store detected echoes in place of the earlier ones."""
    with writer.transaction() as transaction:
        transaction.execute("DELETE FROM echo")
        transaction.table("echo").insert_all(map(asdict, echoes))
        record_job(transaction, ECHO_DETECTION, writer.run_id)
