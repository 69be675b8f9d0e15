"""Which feeds were found to pass on what another lists, and when somebody looked last."""

import sqlite3
from dataclasses import asdict, dataclass

from blocklist.ledger.book import Book
from blocklist.ledger.times import now


@dataclass(frozen=True, slots=True)
class Echo:
    """A feed whose entries another one lists, too, and never later."""

    follower: str
    leader: str
    #: The share of the follower's entries that the leader lists.
    contained: float
    #: Of how many of them it is known who listed them first, and of which share the leader did, or
    #: both in the same run.
    dated: int
    behind: float


def known(reader: sqlite3.Connection) -> list[Echo]:
    """Return the echoes that the last look found."""
    rows = reader.execute(
        "SELECT follower, leader, contained, dated, behind FROM echo ORDER BY follower, leader"
    )
    return [Echo(*row) for row in rows]


def looked(reader: sqlite3.Connection) -> str | None:
    """Return when somebody last looked for echoes."""
    row = reader.execute("SELECT at FROM looked WHERE what = 'echoes'").fetchone()
    return str(row[0]) if row else None


def save(book: Book, found: list[Echo]) -> None:
    """Record what a look found, in place of what the last one did."""
    with book.small() as db, db.atomic():
        db.execute("DELETE FROM echo")
        db.table("echo").insert_all(map(asdict, found))
        db.table("looked").upsert({"what": "echoes", "at": now()}, pk="what")
