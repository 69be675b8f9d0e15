"""Checks for damage and leftovers: database integrity and temporary files -> findings."""

import sqlite3
from collections.abc import Iterator
from functools import partial

from blocklist.atomic_files import find_leftovers, remove_leftovers
from blocklist.config.loader import Config
from blocklist.doctor.finding import Finding, problem, warning
from blocklist.ledger.db.connection import find_database_faults
from blocklist.ledger.db.lock import find_lock_holder


def check_integrity(config: Config, reader: sqlite3.Connection) -> Iterator[Finding]:
    """Find a damaged database, and rows that refer to what is not there."""
    for fault in find_database_faults(reader):
        remedy = "put back a copy of it, or move it away: the next run makes a new one"
        yield problem(fault, config.database, remedy)


def check_leftovers(config: Config) -> Iterator[Finding]:
    """Find files that a run that was killed left beside an export; the next one removes them."""
    if find_lock_holder(config.database):
        return  # they may be what it is writing just now
    for export in config.exports.values():
        for path in find_leftovers(export.path):
            remedy = "blocklist doctor --mend"
            mend = partial(remove_leftovers, export.path)
            yield warning("left behind by a run that was killed", path, remedy, mend)
