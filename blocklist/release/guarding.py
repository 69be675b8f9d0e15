"""Load the enabled guard lists: listings of guard feeds -> guard entries."""

import polars as pl

from blocklist.config.loader import Config
from blocklist.judge.candidates import derive_host_listings
from blocklist.judge.guards import GUARDS
from blocklist.ledger.db.bulk import BulkTransaction
from blocklist.ledger.feeds.listings import load_listings


def load_guard_entries(config: Config, bulk: BulkTransaction) -> pl.DataFrame:
    """Return the entries of the enabled guard lists (schema `judge.guards.GUARDS`)."""
    enabled = {guard.name: guard.guard for guard in config.guards.values() if guard.enabled}
    listed = load_listings(bulk, list(enabled))
    # A guard list of URLs means their hosts.
    hosts = derive_host_listings(listed).select(listed.columns)
    listed = pl.concat([listed, hosts])
    schema = {"feed": pl.String(), "class": GUARDS["class"]}
    classes = pl.DataFrame(list(enabled.items()), schema=schema, orient="row")
    return listed.join(classes, on="feed").select(
        pl.col("kind").cast(pl.String),
        "value",
        "class",
        source="feed",
        bounded=pl.lit(value=True),
    )
