"""Store and read the ranks of top lists: accepted snapshot -> packs of names with ranks.

A pack has 500 names, sorted, and their ranks, because a top list has a million names and most of
its ranks change each day.
"""

import json
import sqlite3
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from blocklist.ledger.db.transaction import Transaction

_PACK_SIZE = 500


def save_ranks(transaction: "Transaction", feed: int, indicators: "pl.DataFrame") -> None:
    """Store the ranks of a top list in place of its last ones.

    The best rank of a value counts; without the column `rank`, it is the position in the list.
    """
    import polars as pl

    if "rank" in indicators.columns:
        ranks = indicators.group_by("value").agg(pl.col("rank").min()).sort("value")
    else:
        position = pl.int_range(1, pl.len() + 1, dtype=pl.Int64)
        ordered = indicators.sort("line").unique("value", keep="first", maintain_order=True)
        ranks = ordered.select("value", rank=position).sort("value")
    packs = ranks.group_by(pl.int_range(pl.len()) // _PACK_SIZE, maintain_order=True).agg(
        feed_id=pl.lit(feed, pl.Int64),
        first=pl.col("value").first(),
        members=pl.col("value").str.join("\n"),
        ranks=pl.col("rank").cast(pl.String).str.join("\n"),
    )
    transaction.execute("DELETE FROM rank_pack WHERE feed_id = ?", feed)
    transaction.append("rank_pack", packs.select("feed_id", "first", "members", "ranks"))


def load_ranks(transaction: "Transaction", feeds: list[str]) -> "pl.DataFrame":
    """Return the stored ranks of the named feeds: `source` (the feed), `value` and `rank`."""
    import polars as pl

    text = pl.String()
    schema = pl.Schema({"source": text, "value": text, "rank": text})
    sql = (
        "SELECT name, members, ranks FROM rank_pack JOIN feed ON id = feed_id "
        "WHERE name IN (SELECT value FROM json_each(?)) ORDER BY name, first"
    )
    packs = transaction.frame(sql, json.dumps(feeds), schema=schema)
    return (
        packs.with_columns(pl.col("value", "rank").str.split("\n"))
        .explode("value", "rank")
        .with_columns(pl.col("rank").cast(pl.UInt32))
    )


def find_ranks(reader: sqlite3.Connection, values: Iterable[str], feed: str) -> dict[str, int]:
    """Return the rank of each value that is in a top list.

    A few values read only their packs; many values read each pack once.
    """
    sql = (
        "SELECT members, ranks FROM rank_pack JOIN feed ON id = feed_id "
        "WHERE name = ? AND first <= ? ORDER BY first DESC LIMIT 1"
    )
    ranks: dict[str, int] = {}
    last, by_value = "", dict[str, str]()
    for value in sorted(values):
        if value > last:
            packs = reader.execute(sql, [feed, value]).fetchall()
            names, positions = (text.split("\n") for text in packs[0]) if packs else ([""], [""])
            last, by_value = names[-1], dict(zip(names, positions, strict=True))
        if value in by_value:
            ranks[value] = int(by_value[value])
    return ranks
