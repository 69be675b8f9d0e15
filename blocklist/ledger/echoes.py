"""Which feeds were found to pass on what another lists, and when somebody looked last."""

import sqlite3
from dataclasses import asdict, dataclass

from blocklist.ledger import looks, runs
from blocklist.ledger.book import Book
from blocklist.ledger.times import days_since

#: Who follows whom shows over days, and does not change often, in days.
_FIRST_LOOK, _NEXT_LOOK = 1, 7


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


def due(reader: sqlite3.Connection) -> bool:
    """Return whether it is time to look for echoes."""
    first, last = runs.first(reader), looks.at(reader, looks.ECHOES)
    wait = _FIRST_LOOK if last is None else _NEXT_LOOK
    return first is not None and days_since(last or first.started) >= wait


def seen_all(reader: sqlite3.Connection) -> bool:
    """Return whether no feed has changed since somebody looked: there is nothing new to find."""
    last = looks.run(reader, looks.ECHOES)
    sql = "SELECT NOT EXISTS (SELECT 1 FROM snapshot WHERE run_id > ? AND added + removed > 0)"
    return last is not None and bool(reader.execute(sql, [last]).fetchone()[0])


def save(book: Book, found: list[Echo]) -> None:
    """Record what a look found, in place of what the last one did."""
    with book.small() as db, db.atomic():
        db.execute("DELETE FROM echo")
        db.table("echo").insert_all(map(asdict, found))
        looks.note(db.conn, looks.ECHOES, book.run)
