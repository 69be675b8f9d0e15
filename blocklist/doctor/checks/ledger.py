"""Check the ledger: allow entries and integrity -> findings; `status` has the rest."""

import sqlite3
from collections.abc import Iterator

from blocklist.config.loader import Config
from blocklist.doctor.registry import ledger_check
from blocklist.ledger.db.connection import find_database_faults
from blocklist.ledger.operator.entries import active_entries
from blocklist.ledger.operator.entry_notes import ENDS_SOON, NOT_IN_FORCE, annotate_entries
from blocklist.model import Verdict
from blocklist.status.finding import Finding, problem, warning


@ledger_check("allows")
def check_allow_entries(_config: Config, reader: sqlite3.Connection) -> Iterator[Finding]:
    """Find allow entries that never matched a listing, and those that do not count yet."""
    allows = (entry for entry in active_entries(reader) if entry.action is Verdict.ALLOW)
    for entry, note in annotate_entries(reader, allows):
        if note and not note.startswith(ENDS_SOON):
            remedy = (
                "blocklist run"
                if NOT_IN_FORCE in note
                else f"add it again if it is still needed, or: blocklist allow remove {entry.value}"
            )
            yield warning(note, f"allow {entry.value} ({entry.scope})", remedy)


@ledger_check("integrity")
def check_integrity(config: Config, reader: sqlite3.Connection) -> Iterator[Finding]:
    """Find a damaged database, and rows that refer to missing rows."""
    for fault in find_database_faults(reader):
        remedy = (
            "restore your last backup of it. Without a backup, move it away and run again: history "
            "and your own entries are then lost"
        )
        yield problem(fault, config.database, remedy)
