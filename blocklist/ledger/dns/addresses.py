"""Store and read addresses of names: facts -> live addresses; classified ones -> rows."""

import polars as pl

from blocklist.ledger.db.transaction import Transaction
from blocklist.model import Liveness

#: A name, its domain, an address that was observed for it, and when.
_LIVE_SCHEMA = pl.Schema(
    {"name": pl.String(), "domain": pl.String(), "address": pl.String(), "checked": pl.String()}
)
_COLUMNS = ("value", "domains", "evidence", "until", "reason")


def load_live_addresses(transaction: Transaction) -> pl.DataFrame:
    """Return the names that are alive with the addresses that were last observed for them."""
    return transaction.frame(
        "SELECT name, domain, value AS address, checked FROM fact, json_each(addresses) "
        f"WHERE checked IS NOT NULL AND state = '{Liveness.ALIVE}'",
        schema=_LIVE_SCHEMA,
    )


def save_addresses(transaction: Transaction, addresses: pl.DataFrame) -> None:
    """Store addresses, with the columns of the table, in place of all earlier ones."""
    transaction.execute("DELETE FROM address")
    transaction.append("address", addresses.select(_COLUMNS).sort("value"))
