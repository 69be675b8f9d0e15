"""Ranks of names in top lists: indicators of the last accepted snapshot -> one row a name."""

import sqlite3

import polars as pl

from blocklist.ledger.db.bulk import BulkTransaction


def save_ranks(bulk: BulkTransaction, feed: int, indicators: pl.DataFrame) -> None:
    """Record the order of a top list's indicators in place of the last one."""
    place = pl.int_range(1, pl.len() + 1, dtype=pl.Int64)
    ordered = indicators.sort("line").unique("value", keep="first", maintain_order=True)
    rows = ordered.select("value", place=place, feed_id=pl.lit(feed, pl.Int64)).sort("value")
    bulk.execute("DELETE FROM rank WHERE feed_id = ?", feed)
    bulk.append_rows("rank", rows)


def find_rank(reader: sqlite3.Connection, value: str, feed: str) -> int | None:
    """Return which place a value has in a top list, None when it has none."""
    sql = "SELECT place FROM rank JOIN feed ON id = feed_id WHERE name = ? AND value = ?"
    row = reader.execute(sql, [feed, value]).fetchone()
    return int(row[0]) if row else None
