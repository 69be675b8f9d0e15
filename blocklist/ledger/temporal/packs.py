"""Store rows that differ only in their value as packs: frame -> batches, packs and rows.

A first snapshot or release is millions of rows that are equal except for the value. A *batch*
stores the common columns once, and its *packs* store sorted values, 500 to a database row: this
takes a fraction of the time and less space. A pack never changes: the positions of its ended
members are stored beside it (`deletion_vectors`). The view TABLE returns all of it as rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_

import polars as pl

from blocklist.frames.parallel import map_in_order
from blocklist.frames.schemas import KIND, REASON, SCOPE, VERDICT
from blocklist.ledger.db.transaction import Transaction

#: Values of one pack: few enough to look one up, many enough to make the overhead small.
PACK_SIZE = 500
#: Fewer rows with equal columns are stored as rows.
MIN_PACKED_ROWS = 10_000

_SEPARATOR = '","'
# Values with characters that JSON would escape are stored as rows.
_JSON_ESCAPED = r'["\\\x00-\x1f]'
# What is packed or appended at once: slices need less memory than the whole.
_SLICE_ROWS = 2_000 * PACK_SIZE
_PACK_SCHEMA = pl.Schema({"pack": pl.Int64(), "members": pl.String()})


@dataclass(frozen=True, slots=True)
class IntervalTable:
    """A table of values that are valid from one number until another; many may be packed."""

    name: str
    #: The columns that a batch stores once for all of its values.
    batch_schema: pl.Schema
    #: Those of them that, with the value, identify a row.
    key: tuple[str, ...]
    #: The columns that only rows have.
    row_schema: pl.Schema


LISTING_TABLE = IntervalTable(
    "listing",
    pl.Schema({"feed_id": pl.Int64(), "kind": KIND, "scope": SCOPE, "since": pl.Int64()}),
    ("feed_id", "scope", "since"),
    pl.Schema({"evidence": pl.String()}),
)
VERDICT_TABLE = IntervalTable(
    "verdict",
    pl.Schema(
        {
            "kind": KIND,
            "scope": SCOPE,
            "verdict": VERDICT,
            "reason": REASON,
            "cause": pl.String(),
            "since": pl.Int64(),
        }
    ),
    ("scope", "since"),
    pl.Schema(),
)


def store_rows(
    transaction: Transaction, table: IntervalTable, rows: pl.DataFrame, **constants: int
) -> None:
    """Add rows that are valid from now on; where many have equal columns, as packs.

    `constants` are columns that have one number in all of the rows.
    """
    common = [name for name in table.batch_schema if name not in constants]
    is_packable = ~pl.col("value").str.contains(_JSON_ESCAPED)
    for name in table.row_schema:
        is_packable &= pl.col(name).is_null()
    packable = rows.select(is_packable).to_series()
    # The streaming engine counts a few groups four times as fast.
    counts = (
        rows.lazy().filter(packable).group_by(common).len().filter(pl.col("len") >= MIN_PACKED_ROWS)
    )
    packed = []
    for batch in counts.drop("len").collect(engine="streaming").iter_rows(named=True):
        members = packable & rows.select(_matches_batch(table, batch)).to_series()
        packed.append(members)
        _store_batch(transaction, table, {**batch, **constants}, rows.filter(members)["value"])
    left = rows.filter(~reduce(or_, packed)) if packed else rows
    _append_rows(transaction, table, left, constants)


def _matches_batch(table: IntervalTable, batch: Mapping[str, object]) -> pl.Expr:
    """Return whether rows have the columns of a batch."""
    return pl.all_horizontal(
        pl.col(name).eq_missing(pl.lit(value, table.batch_schema[name]))
        for name, value in batch.items()
    )


def _store_batch(
    transaction: Transaction, table: IntervalTable, batch: Mapping[str, object], values: pl.Series
) -> None:
    row = pl.DataFrame([batch], schema=table.batch_schema)
    transaction.append(f"{table.name}_batch", row)
    (key,) = transaction.execute("SELECT last_insert_rowid()").fetchone()
    # The second column decides nothing, but with two polars sorts in all threads.
    ordered = values.to_frame("value").with_columns(one=pl.lit(1, pl.UInt8)).sort("value", "one")
    slices = (part["value"] for part in ordered.iter_slices(_SLICE_ROWS))
    # The next packs are built in a thread while these are stored.
    for packs in map_in_order(_build_packs, slices):
        rows = packs.with_columns(batch_id=pl.lit(key, pl.Int64))
        transaction.append(f"{table.name}_pack", rows)


def _build_packs(values: pl.Series) -> pl.DataFrame:
    """Return sorted values as packs: the `first` of each, and all `members` as JSON."""
    numbers = (pl.int_range(pl.len()) // PACK_SIZE).alias("number")
    packs = (
        values.to_frame("value")
        .group_by(numbers, maintain_order=True)
        .agg(first=pl.col("value").first(), joined=pl.col("value").str.join(_SEPARATOR))
    )
    return packs.select("first", members=pl.concat_str(pl.lit('["'), "joined", pl.lit('"]')))


def _append_rows(
    transaction: Transaction, table: IntervalTable, rows: pl.DataFrame, constants: Mapping[str, int]
) -> None:
    """Add rows that are not packed, in the order of the table."""
    columns = {name: pl.lit(number, pl.Int64) for name, number in constants.items()}
    order = rows.select(pl.arg_sort_by("value", "scope")).to_series()
    for start in range(0, len(order), _SLICE_ROWS):
        part = rows[order[start : start + _SLICE_ROWS]]
        transaction.append(f"{table.name}_row", part.with_columns(**columns))


def load_batches(
    transaction: Transaction, table: IntervalTable, where: str = "true", *numbers: int
) -> pl.DataFrame:
    """Return the `id` and the columns of batches, oldest first.

    `where` is SQL about the columns of a batch, with `numbers` as its parameters.
    """
    schema = pl.Schema({"id": pl.Int64(), **table.batch_schema})
    sql = f"SELECT {', '.join(schema)} FROM {table.name}_batch WHERE {where} ORDER BY id"
    return transaction.frame(sql, *numbers, schema=schema)


def load_batch_packs(transaction: Transaction, table: IntervalTable, batch: int) -> pl.DataFrame:
    """Return the `pack` numbers and `members` of a batch; all values are in order."""
    sql = f"SELECT id AS pack, members FROM {table.name}_pack WHERE batch_id = ? ORDER BY first"
    return _split_members(transaction.frame(sql, batch, schema=_PACK_SCHEMA))


def load_pack_members(
    transaction: Transaction, table: IntervalTable, numbers: pl.Series
) -> pl.DataFrame:
    """Return the members of packs: the number of the `pack`, `position` in it, and `value`."""
    transaction.stage("wanted", numbers.alias("id").to_frame())
    sql = (
        f"SELECT id AS pack, members FROM {table.name}_pack "
        "WHERE id IN (SELECT id FROM temp.wanted)"
    )
    packs = _split_members(transaction.frame(sql, schema=_PACK_SCHEMA))
    members = packs.rename({"members": "value"}).with_columns(
        position=pl.int_ranges(pl.col("value").list.len())
    )
    return members.explode("value", "position")


def _split_members(packs: pl.DataFrame) -> pl.DataFrame:
    inner = pl.col("members").str.head(-2).str.slice(2)
    return packs.with_columns(inner.str.split(_SEPARATOR))
