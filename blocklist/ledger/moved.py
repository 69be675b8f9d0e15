"""What feeds list otherwise than they did after a run, without reading all that they list."""

from dataclasses import dataclass

import polars as pl

from blocklist.columns.schema import LISTINGS
from blocklist.ledger import packs
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
    table = packs.name_of_rows(bulk, LISTING)
    columns = pl.Schema({name: dtype for name, dtype in LISTINGS.items() if name != "feed"})
    came, went = [pl.DataFrame(schema=LISTINGS)], [pl.DataFrame(schema=LISTINGS)]
    for key, name in named(bulk, feeds):
        feed = pl.lit(name).alias("feed")
        new = packs.standing(bulk, LISTING, "feed_id = ? AND since > ?", key, run)
        came += [part.select(feed, *columns) for part in new]
        gone = bulk.query(
            f"SELECT {', '.join(columns)} FROM {table} "
            "WHERE feed_id = ? AND since <= ? AND until > ?",
            *(key, run, run),
            schema=columns,
        )
        went.append(gone.select(feed, *columns))
    return Moved(pl.concat(came), pl.concat(went))
