"""Echoes, feeds that repeat another feed: store, read, and decide when to detect again."""

import sqlite3
from dataclasses import asdict

from blocklist.ledger.db.jobs import ECHO_DETECTION, last_job_run, last_job_time, record_job
from blocklist.ledger.db.runs import first_run
from blocklist.ledger.db.timestamps import days_since
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.model import Echo

#: Who follows whom shows over days, and does not change often, in days.
_FIRST_CHECK_DAYS, _NEXT_CHECK_DAYS = 1, 7


def load_echoes(reader: sqlite3.Connection) -> list[Echo]:
    """Return the echoes that the last look found."""
    rows = reader.execute(
        "SELECT follower, leader, contained, dated, behind FROM echo ORDER BY follower, leader"
    )
    return [Echo(*row) for row in rows]


def is_echo_detection_due(reader: sqlite3.Connection) -> bool:
    """Return whether it is time to look for echoes."""
    first, last = first_run(reader), last_job_time(reader, ECHO_DETECTION)
    wait = _FIRST_CHECK_DAYS if last is None else _NEXT_CHECK_DAYS
    return first is not None and days_since(last or first.started) >= wait


def is_echo_detection_current(reader: sqlite3.Connection) -> bool:
    """Return whether no feed has changed since somebody looked: there is nothing new to find."""
    last = last_job_run(reader, ECHO_DETECTION)
    sql = "SELECT NOT EXISTS (SELECT 1 FROM snapshot WHERE run_id > ? AND added + removed > 0)"
    return last is not None and bool(reader.execute(sql, [last]).fetchone()[0])


def save_echoes(book: LedgerWriter, found: list[Echo]) -> None:
    """Record what a look found, in place of what the last one did."""
    with book.open_database() as db, db.atomic():
        db.execute("DELETE FROM echo")
        db.table("echo").insert_all(map(asdict, found))
        record_job(db.conn, ECHO_DETECTION, book.run_id)
