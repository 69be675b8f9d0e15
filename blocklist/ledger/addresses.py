"""Addresses behind names: what was seen on each, and whether it is theirs alone."""

import polars as pl

from blocklist.ledger.bulk import Bulk
from blocklist.model import Liveness

#: A name that was seen at an address, when, and in which domain it is.
_SEEN = pl.Schema(
    {"name": pl.String(), "domain": pl.String(), "address": pl.String(), "checked": pl.String()}
)
_COLUMNS = ("value", "domains", "evidence", "until", "reason")


def sightings(bulk: Bulk) -> pl.DataFrame:
    """Return names that are alive with the addresses they were last seen at."""
    return bulk.query(
        "SELECT name, domain, value AS address, checked FROM fact, json_each(addresses) "
        f"WHERE checked IS NOT NULL AND state = '{Liveness.ALIVE}'",
        schema=_SEEN,
    )


def save(bulk: Bulk, addresses: pl.DataFrame) -> None:
    """Put addresses, with the columns of the table, in place of all that was known of any."""
    bulk.execute("DELETE FROM address")
    bulk.append("address", addresses.select(_COLUMNS).sort("value"))
