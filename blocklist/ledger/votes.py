"""How feeds counted when listings were judged last, so that a score can be explained."""

import json
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blocklist.ledger.connection import AGREEMENT, version

if TYPE_CHECKING:
    from blocklist.ledger.book import Book


@dataclass(frozen=True, slots=True)
class Vote:
    """How far a feed is believed by now, and whose entries it passes on."""

    feed: str
    reliability: float
    #: For how many days it has been overdue; so much its reliability has faded.
    overdue: int = 0
    lineage: tuple[str, ...] = ()


def last(reader: sqlite3.Connection) -> list[Vote]:
    """Return how the feeds counted last, by name."""
    if version(reader) < AGREEMENT:
        return []
    rows = reader.execute("SELECT feed, reliability, overdue, lineage FROM vote ORDER BY feed")
    return [Vote(feed, said, days, tuple(json.loads(of))) for feed, said, days, of in rows]


def save(book: "Book", votes: list[Vote]) -> None:
    """Record how the feeds counted, in place of the last time."""
    ordered = sorted(votes, key=lambda vote: vote.feed)
    with book.small() as db:
        if last(db.conn) == ordered:
            return
        with db.atomic():
            db.execute("DELETE FROM vote")
            rows = (
                {
                    "feed": vote.feed,
                    "reliability": vote.reliability,
                    "overdue": vote.overdue,
                    "lineage": json.dumps(vote.lineage),
                }
                for vote in ordered
            )
            db.table("vote").insert_all(rows)
