"""What feeds list otherwise than they did after a run, without reading all that they list."""

from dataclasses import dataclass

import polars as pl

from blocklist.columns.schema import LISTINGS
from blocklist.ledger import intervals
from blocklist.ledger.bulk import Bulk
from blocklist.ledger.listings import named
from blocklist.ledger.packs import LISTING


@dataclass(frozen=True, slots=True)
class Moved:
    """What feeds list now and did not then, and what they listed then and do not now: `LISTINGS`.

    What came and went in between is in neither.
    """

    came: pl.DataFrame
    went: pl.DataFrame


def moved(bulk: Bulk, feeds: list[str], run: int) -> Moved:
    """Return what moved in the named feeds since a run ended."""
    columns = [name for name in LISTINGS if name != "feed"]
    came, went = [pl.DataFrame(schema=LISTINGS)], [pl.DataFrame(schema=LISTINGS)]
    for key, name in named(bulk, feeds):
        feed = pl.lit(name).alias("feed")
        new = intervals.standing(bulk, LISTING, "feed_id = ? AND since > ?", key, run)
        gone = intervals.ended(bulk, LISTING, "feed_id = ? AND since <= ?", key, run, after=run)
        came += [part.select(feed, *columns) for part in new]
        went += [part.select(feed, *columns) for part in gone]
    return Moved(pl.concat(came), pl.concat(went))
