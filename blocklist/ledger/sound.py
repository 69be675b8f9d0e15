"""Whether the database is whole: its pages, and what its rows refer to."""

import sqlite3

_SHOWN = 5


def faults(reader: sqlite3.Connection) -> list[str]:
    """Return what is wrong with the pages and the rows, a few of it; nothing when all is well."""
    pages = reader.execute(f"PRAGMA integrity_check({_SHOWN})").fetchall()
    orphans = reader.execute("PRAGMA foreign_key_check").fetchmany(_SHOWN)
    found = [str(said) for (said,) in pages if said != "ok"]
    return found + [f"a row of {table} refers to no {parent}" for table, _, parent, _ in orphans]
