"""Compare listings with an earlier run: feeds and run -> added and removed listings."""

from dataclasses import dataclass

import polars as pl

from blocklist.frames.schemas import LISTINGS
from blocklist.ledger.db.transaction import Transaction
from blocklist.ledger.feeds.listings import load_feed_ids
from blocklist.ledger.temporal.intervals import rows_at, rows_ended
from blocklist.ledger.temporal.packs import LISTING_TABLE


@dataclass(frozen=True, slots=True)
class ListingChanges:
    """Listings that were added and removed since a run (schema `LISTINGS`).

    Listings that began and ended in between are in neither.
    """

    added: pl.DataFrame
    removed: pl.DataFrame


def listing_changes_since(transaction: Transaction, feeds: list[str], run: int) -> ListingChanges:
    """Return the listings of the named feeds that were added and removed since a run ended."""
    columns = [name for name in LISTINGS if name != "feed"]
    added, removed = [pl.DataFrame(schema=LISTINGS)], [pl.DataFrame(schema=LISTINGS)]
    for key, name in load_feed_ids(transaction, feeds):
        feed = pl.lit(name).alias("feed")
        later, earlier = "feed_id = ? AND since > ?", "feed_id = ? AND since <= ?"
        new = rows_at(transaction, LISTING_TABLE, later, key, run)
        ended = rows_ended(transaction, LISTING_TABLE, earlier, key, run, after=run)
        added += [part.select(feed, *columns) for part in new]
        removed += [part.select(feed, *columns) for part in ended]
    return ListingChanges(pl.concat(added), pl.concat(removed))
