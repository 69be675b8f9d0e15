"""Last execution of periodic jobs: job name -> time and run."""

import sqlite3

from blocklist.ledger.db.connection import DIGESTS_VERSION, schema_version
from blocklist.ledger.db.timestamps import current_timestamp

#: To look for feeds that pass on what another lists; to ask the DNS.
ECHO_DETECTION, DNS_SURVEY = "echoes", "facts"


def last_job_time(reader: sqlite3.Connection, what: str) -> str | None:
    """Return when it was done last."""
    row = reader.execute("SELECT at FROM looked WHERE what = ?", [what]).fetchone()
    return str(row[0]) if row else None


def last_job_run(reader: sqlite3.Connection, what: str) -> int | None:
    """Return the run that did it last; None where it is not known."""
    if schema_version(reader) < DIGESTS_VERSION:
        return None
    row = reader.execute("SELECT run FROM looked WHERE what = ?", [what]).fetchone()
    return row[0] if row else None


def record_job(opened: sqlite3.Connection, what: str, run: int) -> None:
    """Record that a run did it just now."""
    sql = "INSERT OR REPLACE INTO looked (what, at, run) VALUES (?, ?, ?)"
    opened.execute(sql, [what, current_timestamp(), run])
