"""Search rows by parts of their values: texts -> the few rows with them, without reading all.

SQLite searches the text of each pack, which is many times faster than splitting all packs into
their members.
"""

from collections.abc import Sequence

import polars as pl

from blocklist.ledger.db.transaction import Transaction
from blocklist.ledger.temporal.packs import IntervalTable, load_batches, load_pack_members

#: For more texts, reading everything once is faster than searching everything for each.
MAX_SEARCHED_TEXTS = 16
_ENDS = pl.Schema({"pack": pl.Int64(), "until": pl.Int64(), "positions": pl.String()})
_PACKS = pl.Schema({"pack": pl.Int64(), "batch": pl.Int64()})


def rows_containing(
    transaction: Transaction, table: IntervalTable, texts: Sequence[str], at: int | None = None
) -> pl.DataFrame:
    """Return the rows valid now, or at a number, whose values contain any of some texts.

    The columns are `value` and those of a batch. Each text is searched in the whole table, so there
    should be few.
    """
    columns = pl.Schema({"value": pl.String(), **table.batch_schema})
    if not texts:
        return columns.to_frame()
    alive, moment = (
        ("until IS NULL", ())
        if at is None
        else ("since <= ? AND (until IS NULL OR until > ?)", (at, at))
    )
    found = " OR ".join("instr(value, ?)" for _ in texts)
    sql = f"SELECT {', '.join(columns)} FROM {table.name}_row WHERE {alive} AND ({found})"
    rows = transaction.frame(sql, *moment, *texts, schema=columns)
    return pl.concat([rows, _search_packs(transaction, table, texts, at).select(columns.names())])


def _search_packs(
    transaction: Transaction, table: IntervalTable, texts: Sequence[str], at: int | None
) -> pl.DataFrame:
    """Return the valid members of packs that contain any of the texts."""
    found = " OR ".join("instr(members, ?)" for _ in texts)
    sql = f"SELECT id, batch_id FROM {table.name}_pack WHERE {found}"
    packs = transaction.frame(sql, *texts, schema=_PACKS)
    batches = load_batches(transaction, table).rename({"id": "batch"})
    if at is not None:
        batches = batches.filter(pl.col("since") <= at)
    members = load_pack_members(transaction, table, packs["pack"])
    members = members.filter(pl.col("value").str.contains_any(list(texts)))
    ended = _load_ends(transaction, table, packs["pack"], at)
    valid = members.join(ended, on=["pack", "position"], how="anti")
    return valid.join(packs, on="pack").join(batches, on="batch")


def _load_ends(
    transaction: Transaction, table: IntervalTable, packs: pl.Series, at: int | None
) -> pl.DataFrame:
    """Return `pack` and `position` of the members of packs that ended, by a number if given."""
    transaction.stage("wanted", packs.alias("id").to_frame())
    vectors = transaction.frame(
        f"SELECT pack_id, until, positions FROM {table.name}_end "
        "WHERE pack_id IN (SELECT id FROM temp.wanted)",
        schema=_ENDS,
    )
    if at is not None:
        vectors = vectors.filter(pl.col("until") <= at)
    positions = pl.col("positions").str.head(-1).str.slice(1).str.split(",")
    ends = vectors.select("pack", position=positions).explode("position")
    return ends.with_columns(pl.col("position").cast(pl.Int64))
