"""Whether the database is whole: its pages, and what its rows refer to."""

import sqlite3

_MAX_FAULTS = 5


def find_database_faults(reader: sqlite3.Connection) -> list[str]:
    """Return what is wrong with the pages and the rows, a few of it; nothing when all is well."""
    pages = reader.execute(f"PRAGMA integrity_check({_MAX_FAULTS})").fetchall()
    orphans = reader.execute("PRAGMA foreign_key_check").fetchmany(_MAX_FAULTS)
    found = [str(said) for (said,) in pages if said != "ok"]
    return found + [f"a row of {table} refers to no {parent}" for table, _, parent, _ in orphans]
