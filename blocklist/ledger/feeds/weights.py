"""Store and read the feed weights of the last judging, to explain scores."""

import json
import sqlite3
from typing import TYPE_CHECKING

from blocklist.ledger.db.connection import WEIGHTS_VERSION, schema_version
from blocklist.model import FeedWeight

if TYPE_CHECKING:
    from blocklist.ledger.db.writer import LedgerWriter


def load_feed_weights(reader: sqlite3.Connection) -> list[FeedWeight]:
    """Return how the feeds counted last, by name."""
    if schema_version(reader) < WEIGHTS_VERSION:
        return []
    rows = reader.execute("SELECT feed, reliability, overdue, lineage FROM vote ORDER BY feed")
    return [FeedWeight(feed, said, days, tuple(json.loads(of))) for feed, said, days, of in rows]


def save_feed_weights(book: "LedgerWriter", votes: list[FeedWeight]) -> None:
    """Record how the feeds counted, in place of the last time."""
    ordered = sorted(votes, key=lambda vote: vote.feed)
    with book.open_database() as db:
        if load_feed_weights(db.conn) == ordered:
            return
        with db.atomic():
            db.execute("DELETE FROM vote")
            rows = (
                {
                    "feed": vote.feed,
                    "reliability": vote.reliability,
                    "overdue": vote.overdue_days,
                    "lineage": json.dumps(vote.upstream),
                }
                for vote in ordered
            )
            db.table("vote").insert_all(rows)
