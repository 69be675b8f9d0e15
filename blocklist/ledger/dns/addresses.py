"""Store and read the addresses of names: facts -> live addresses, and those judged."""

import polars as pl

from blocklist.ledger.db.bulk import BulkTransaction
from blocklist.model import Liveness

#: A name that was seen at an address, when, and in which domain it is.
_LIVE_SCHEMA = pl.Schema(
    {"name": pl.String(), "domain": pl.String(), "address": pl.String(), "checked": pl.String()}
)
_COLUMNS = ("value", "domains", "evidence", "until", "reason")


def load_live_addresses(bulk: BulkTransaction) -> pl.DataFrame:
    """Return names that are alive with the addresses they were last seen at."""
    return bulk.query_frame(
        "SELECT name, domain, value AS address, checked FROM fact, json_each(addresses) "
        f"WHERE checked IS NOT NULL AND state = '{Liveness.ALIVE}'",
        schema=_LIVE_SCHEMA,
    )


def save_addresses(bulk: BulkTransaction, addresses: pl.DataFrame) -> None:
    """Put addresses, with the columns of the table, in place of all that was known of any."""
    bulk.execute("DELETE FROM address")
    bulk.append_rows("address", addresses.select(_COLUMNS).sort("value"))
