"""DNS facts for a batch: names with their ancestors -> facts by row; see `Lookup.facts`."""

import json

import polars as pl

from blocklist.ledger.db.transaction import Transaction
from blocklist.ledger.dns.facts import load_fact_frame
from blocklist.model import Liveness

_FACT_COLUMNS = ("state", "since", "domain", "answer", "addresses", "checked")


def load_batch_facts(transaction: Transaction, steps: pl.DataFrame) -> dict[int, dict[str, object]]:
    """Return what is known of each row of which anything is.

    `steps` has the names of a `row` and those above it, as `ancestor`.
    """
    known = load_fact_frame(transaction, steps["ancestor"])
    rows = steps.join(known, left_on="ancestor", right_on="name")
    own = rows.filter(pl.col("steps") == 0)
    # The domain is what the name itself says, else the nearest name above that is one.
    domains = rows.filter(pl.col("ancestor") == pl.col("domain")).sort("row", "steps")
    nearest = domains.unique("row", keep="first", maintain_order=True)
    decisive = pl.concat(
        [
            rows.join(own.select("row", ancestor="domain"), on=["row", "ancestor"], how="semi"),
            nearest.join(own, on="row", how="anti"),
        ]
    )
    dead = decisive.filter(pl.col("state") == Liveness.DEAD.value)
    seen = pl.concat([own, dead.join(own, on="row", how="anti")])
    is_dead = dead.select("row", dead_state="state", dead_since="since")
    found = seen.join(is_dead, on="row", how="left").with_columns(
        state=pl.coalesce("dead_state", "state"), since=pl.coalesce("dead_since", "since")
    )
    rows_of = found.select("row", *_FACT_COLUMNS).iter_rows(named=True)
    return {one.pop("row"): {**one, "addresses": json.loads(one["addresses"])} for one in rows_of}
