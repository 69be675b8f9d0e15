"""Store and read the feed weights of the last judging, to explain scores."""

import json
import sqlite3
from dataclasses import asdict
from typing import TYPE_CHECKING

from blocklist.model import FeedWeight

if TYPE_CHECKING:
    from blocklist.ledger.db.writer import LedgerWriter


def load_feed_weights(reader: sqlite3.Connection) -> list[FeedWeight]:
    """Return the weights of the last judging, by name."""
    rows = reader.execute(
        "SELECT feed, reliability, overdue_days, upstream FROM feed_weight ORDER BY feed"
    )
    return [
        FeedWeight(feed, reliability, days, tuple(json.loads(upstream)))
        for feed, reliability, days, upstream in rows
    ]


def save_feed_weights(writer: "LedgerWriter", weights: list[FeedWeight]) -> None:
    """Store the weights of a judging in place of those of the last one."""
    ordered = sorted(weights, key=lambda weight: weight.feed)
    with writer.transaction() as transaction:
        if load_feed_weights(transaction.connection) == ordered:
            return
        transaction.execute("DELETE FROM feed_weight")
        transaction.table("feed_weight").insert_all(
            {**asdict(weight), "upstream": json.dumps(weight.upstream)} for weight in ordered
        )
