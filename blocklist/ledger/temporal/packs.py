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
from blocklist.ledger.db.bulk import BulkTransaction
from blocklist.ledger.db.connection import PACKS_VERSION

#: Values of one pack: few enough to look one up, many enough to weigh nothing.
PACK_SIZE = 500
#: Fewer rows that are alike are no burden as rows.
MIN_PACKED_ROWS = 10_000

_SEPARATOR = '","'
# What JSON would escape: what holds it stays a row.
_JSON_ESCAPED = r'["\\\x00-\x1f]'
# What is packed or appended at once: slices need less memory than the whole.
_SLICE_ROWS = 2_000 * PACK_SIZE
_PACK_SCHEMA = pl.Schema({"pack": pl.Int64(), "members": pl.String()})


@dataclass(frozen=True, slots=True)
class IntervalTable:
    """A table of rows since when and until when a value holds, of which many may be packed."""

    name: str
    #: What a batch says once for all of its values.
    batch_schema: pl.Schema
    #: Which of it tells rows of one value apart.
    key: tuple[str, ...]
    #: What only a row of its own says.
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
    bulk: BulkTransaction, table: IntervalTable, rows: pl.DataFrame, **same: int
) -> None:
    """Add rows that hold from now on; where many are alike, packed.

    `same` are columns in which all of them have one number.
    """
    alike = [name for name in table.batch_schema if name not in same]
    simple = ~pl.col("value").str.contains(_JSON_ESCAPED)
    for name in table.row_schema:
        simple &= pl.col(name).is_null()
    plain = rows.select(simple).to_series()
    # The streaming engine counts a few groups four times as fast.
    counts = (
        rows.lazy().filter(plain).group_by(alike).len().filter(pl.col("len") >= MIN_PACKED_ROWS)
    )
    packed = []
    for said in counts.drop("len").collect(engine="streaming").iter_rows(named=True):
        mine = plain & rows.select(_matches_batch(table, said)).to_series()
        packed.append(mine)
        _store_batch(bulk, table, {**said, **same}, rows.filter(mine)["value"])
    _append_unpacked(bulk, table, rows.filter(~reduce(or_, packed)) if packed else rows, same)


def _matches_batch(table: IntervalTable, said: Mapping[str, object]) -> pl.Expr:
    """Tell which rows say the same as others."""
    return pl.all_horizontal(
        pl.col(name).eq_missing(pl.lit(value, table.batch_schema[name]))
        for name, value in said.items()
    )


def _store_batch(
    bulk: BulkTransaction, table: IntervalTable, said: Mapping[str, object], values: pl.Series
) -> None:
    number = pl.Schema({"id": pl.Int64()})
    sql = f"SELECT coalesce(max(id), 0) + 1 AS id FROM {table.name}_batch"
    batch = bulk.query_frame(sql, schema=number).item()
    row = pl.DataFrame([said], schema=table.batch_schema)
    bulk.append_rows(f"{table.name}_batch", row.with_columns(id=pl.lit(batch, pl.Int64)))
    # The second column decides nothing, but with two polars sorts in all threads.
    ordered = values.to_frame("value").with_columns(one=pl.lit(1, pl.UInt8)).sort("value", "one")
    slices = (part["value"] for part in ordered.iter_slices(_SLICE_ROWS))
    for packs in map_in_order(
        _build_packs, slices
    ):  # which the next are made of while these are stored
        bulk.append_rows(f"{table.name}_pack", packs.with_columns(batch_id=pl.lit(batch, pl.Int64)))


def _build_packs(values: pl.Series) -> pl.DataFrame:
    """Return sorted values as packs: the `first` of each, and all `members` as JSON."""
    places = (pl.int_range(pl.len()) // PACK_SIZE).alias("place")
    packs = (
        values.to_frame("value")
        .group_by(places, maintain_order=True)
        .agg(first=pl.col("value").first(), joined=pl.col("value").str.join(_SEPARATOR))
    )
    return packs.select("first", members=pl.concat_str(pl.lit('["'), "joined", pl.lit('"]')))


def _append_unpacked(
    bulk: BulkTransaction, table: IntervalTable, rows: pl.DataFrame, same: Mapping[str, int]
) -> None:
    """Add what is not packed, in the order of the table."""
    columns = {name: pl.lit(number, pl.Int64) for name, number in same.items()}
    order = rows.select(pl.arg_sort_by("value", "scope")).to_series()
    for start in range(0, len(order), _SLICE_ROWS):
        part = rows[order[start : start + _SLICE_ROWS]]
        bulk.append_rows(f"{table.name}_row", part.with_columns(**columns))


def load_batches(
    bulk: BulkTransaction, table: IntervalTable, where: str = "true", *numbers: int
) -> pl.DataFrame:
    """Return the `id` of batches, oldest first, and what each says, chosen by SQL about that."""
    schema = pl.Schema({"id": pl.Int64(), **table.batch_schema})
    if bulk.schema_version < PACKS_VERSION:
        return pl.DataFrame(schema=schema)
    sql = f"SELECT {', '.join(schema)} FROM {table.name}_batch WHERE {where} ORDER BY id"
    return bulk.query_frame(sql, *numbers, schema=schema)


def load_batch_packs(bulk: BulkTransaction, table: IntervalTable, batch: int) -> pl.DataFrame:
    """Return the packs of a batch: `pack`, its number, and `members`; all values in order."""
    sql = f"SELECT id AS pack, members FROM {table.name}_pack WHERE batch_id = ? ORDER BY first"
    return _split_members(bulk.query_frame(sql, batch, schema=_PACK_SCHEMA))


def load_pack_members(
    bulk: BulkTransaction, table: IntervalTable, numbers: pl.Series
) -> pl.DataFrame:
    """Return what is in packs of these numbers: `pack`, `place` in it, and `value`."""
    bulk.stage_table("wanted", numbers.alias("id").to_frame())
    sql = f"SELECT id AS pack, members FROM {table.name}_pack WHERE id IN (SELECT id FROM wanted)"
    lists = _split_members(bulk.query_frame(sql, schema=_PACK_SCHEMA)).rename({"members": "value"})
    placed = lists.with_columns(place=pl.int_ranges(pl.col("value").list.len()))
    return placed.explode("value", "place")


def _split_members(packs: pl.DataFrame) -> pl.DataFrame:
    inner = pl.col("members").str.head(-2).str.slice(2)
    return packs.with_columns(inner.str.split(_SEPARATOR))


def row_table_name(bulk: BulkTransaction, table: IntervalTable) -> str:
    """Return the table of what is not packed; of a database from before packs, what has all."""
    return f"{table.name}_row" if bulk.schema_version >= PACKS_VERSION else table.name
