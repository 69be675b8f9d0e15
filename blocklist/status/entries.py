"""Status of entries: ledger -> the allows and blocks that end soon."""

import sqlite3
from collections.abc import Iterator
from datetime import timedelta

from blocklist.ledger.db.timestamps import seconds_until
from blocklist.ledger.operator.entries import active_entries
from blocklist.ledger.operator.entry_notes import ENDS_SOON_SECONDS
from blocklist.status.durations import describe_duration
from blocklist.status.finding import Finding, fine, warning


def check_entries(reader: sqlite3.Connection) -> Iterator[Finding]:
    """Find entries that end within a day."""
    entries = list(active_entries(reader))
    ending = [(entry, entry.expires) for entry in entries if entry.expires]
    for entry, expires in ending:
        left = seconds_until(expires)
        if left < ENDS_SOON_SECONDS:
            what = f"ends in {describe_duration(timedelta(seconds=left))}, at {expires}"
            subject = f"{entry.action} {entry.value} ({entry.scope})"
            remedy = f"add it again if it is needed longer: blocklist {entry.action} add"
            yield warning(what, subject, f"{remedy} {entry.value}", subject=entry.value)
    yield fine(f"{len(entries):,} entries")
