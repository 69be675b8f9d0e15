"""DNS facts for a batch: names with their ancestors -> facts by row.

`LedgerLookup.find_facts` does the same for one name.
"""

import json

import polars as pl

from blocklist.ledger.db.transaction import Transaction
from blocklist.ledger.dns.facts import load_fact_frame
from blocklist.model import Liveness

_FACT_COLUMNS = ("state", "since", "domain", "answer", "addresses", "checked")


def load_batch_facts(transaction: Transaction, steps: pl.DataFrame) -> dict[int, dict[str, object]]:
    """Return the facts of each row that has any, by row.

    `steps` has a `row` for each name and the names above it, as `ancestor`.
    """
    fact_rows = load_fact_frame(transaction, steps["ancestor"])
    rows = steps.join(fact_rows, left_on="ancestor", right_on="name")
    own = rows.filter(pl.col("steps") == 0)
    # The domain of a name is in its own facts; without any it is the nearest domain above it.
    domains = rows.filter(pl.col("ancestor") == pl.col("domain")).sort("row", "steps")
    nearest = domains.unique("row", keep="first", maintain_order=True)
    decisive = pl.concat(
        [
            rows.join(own.select("row", ancestor="domain"), on=["row", "ancestor"], how="semi"),
            nearest.join(own, on="row", how="anti"),
        ]
    )
    dead = decisive.filter(pl.col("state") == Liveness.DEAD.value)
    known = pl.concat([own, dead.join(own, on="row", how="anti")])
    is_dead = dead.select("row", dead_state="state", dead_since="since")
    facts = known.join(is_dead, on="row", how="left").with_columns(
        state=pl.coalesce("dead_state", "state"), since=pl.coalesce("dead_since", "since")
    )
    by_row = facts.select("row", *_FACT_COLUMNS).iter_rows(named=True)
    return {
        fact.pop("row"): {**fact, "addresses": json.loads(fact["addresses"])} for fact in by_row
    }
