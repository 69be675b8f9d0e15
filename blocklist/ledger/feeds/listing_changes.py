"""Compare listings with an earlier run: feeds and run -> added and removed listings."""

from dataclasses import dataclass

import polars as pl

from blocklist.frames.schemas import LISTINGS
from blocklist.ledger.db.bulk import BulkTransaction
from blocklist.ledger.feeds.listings import iterate_feed_ids
from blocklist.ledger.temporal.intervals import rows_at, rows_ended
from blocklist.ledger.temporal.packs import LISTING_TABLE


@dataclass(frozen=True, slots=True)
class ListingChanges:
    """What feeds list now and did not then, and what they listed then and do not now: `LISTINGS`.

    What came and went in between is in neither.
    """

    added: pl.DataFrame
    removed: pl.DataFrame


def listing_changes_since(bulk: BulkTransaction, feeds: list[str], run: int) -> ListingChanges:
    """Return what moved in the named feeds since a run ended."""
    columns = [name for name in LISTINGS if name != "feed"]
    came, went = [pl.DataFrame(schema=LISTINGS)], [pl.DataFrame(schema=LISTINGS)]
    for key, name in iterate_feed_ids(bulk, feeds):
        feed = pl.lit(name).alias("feed")
        new = rows_at(bulk, LISTING_TABLE, "feed_id = ? AND since > ?", key, run)
        gone = rows_ended(bulk, LISTING_TABLE, "feed_id = ? AND since <= ?", key, run, after=run)
        came += [part.select(feed, *columns) for part in new]
        went += [part.select(feed, *columns) for part in gone]
    return ListingChanges(pl.concat(came), pl.concat(went))
