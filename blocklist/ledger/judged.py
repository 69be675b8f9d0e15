"""What the judge looked at last, and what tells whether it would look at anything else now.

Kept free of heavy imports: a run in which nothing changed starts and ends here.
"""

import sqlite3
from dataclasses import dataclass

from blocklist.ledger.book import Book
from blocklist.ledger.connection import PARTLY, UNCHANGED, version

# From the last snapshot of a feed backwards, for over the years there are many.
CHANGED = (
    "SELECT name, (SELECT id FROM snapshot WHERE feed_id = feed.id AND added + removed > 0 "
    "ORDER BY id DESC LIMIT 1) FROM feed"
)


@dataclass(frozen=True, slots=True)
class Judged:
    """A release, and a digest of all that the judge saw when it last came to just this one."""

    release: int
    digest: str
    #: A digest of all of it but what feeds list; None where an older version saved no such.
    around: str | None


def last(reader: sqlite3.Connection) -> Judged | None:
    """Return what the judge came to last, unless the gate held it."""
    known = version(reader)
    if known < UNCHANGED:
        return None
    around = "around" if known >= PARTLY else "NULL"
    row = reader.execute(f"SELECT release, digest, {around} FROM judged").fetchone()
    return Judged(*row) if row else None


def save(book: Book, judged: Judged) -> None:
    """Record what the judge came to, in place of the last time."""
    with book.opened() as db:
        sql = "INSERT OR REPLACE INTO judged (id, release, digest, around) VALUES (1, ?, ?, ?)"
        db.execute(sql, [judged.release, judged.digest, judged.around])


def changed(reader: sqlite3.Connection) -> dict[str, int]:
    """Return of each feed the last snapshot that changed what it lists."""
    return {name: last for name, last in reader.execute(CHANGED) if last is not None}


def entries(reader: sqlite3.Connection, now: str) -> list[int]:
    """Return which of the operator's entries are in force; what one says never changes."""
    sql = "SELECT id FROM operator WHERE removed IS NULL AND (expires IS NULL OR expires > ?)"
    return [key for (key,) in reader.execute(f"{sql} ORDER BY id", [now])]


def waits(reader: sqlite3.Connection) -> bool:
    """Return whether the gate holds a candidate."""
    return bool(reader.execute("SELECT EXISTS (SELECT 1 FROM candidate)").fetchone()[0])


def any_expired(reader: sqlite3.Connection, now: str) -> bool:
    """Return whether an address that was blocked for its names was not seen with them lately."""
    sql = "SELECT EXISTS (SELECT 1 FROM address WHERE reason IS NULL AND until <= ?)"
    (found,) = reader.execute(sql, [now]).fetchone()
    return bool(found)
