"""End stored rows at a number: frame of values -> updated rows and deletion vectors.

If 1 % of a list changes each day, copying ended values would fill the database. So `TABLE_end`
stores for each pack and end number a JSON array with the positions of the ended members.
"""

from collections.abc import Iterator

import polars as pl

from blocklist.ledger.db.bulk import BulkTransaction
from blocklist.ledger.db.connection import PACKS_VERSION
from blocklist.ledger.temporal.packs import IntervalTable, load_batches, load_pack_members

# Packs that are searched at once.
_SLICE_PACKS = 2_000
_PACK_STARTS = pl.Schema({"batch": pl.Int64(), "pack": pl.Int64(), "first": pl.String()})
_DELETION_SCHEMA = pl.Schema({"batch": pl.Int64(), "pack": pl.Int64(), "until": pl.Int64()})


def end_rows(bulk: BulkTransaction, table: IntervalTable, gone: pl.DataFrame, number: int) -> None:
    """End at a number what holds now: `gone` has `value` and all that a batch says."""
    if gone.is_empty():
        return
    said = load_batches(bulk, table).rename({"id": "batch"})
    rows = gone.join(said, on=list(table.batch_schema), how="left", nulls_equal=True)
    ended = [rows.select("value", "batch").clear()]
    for places in _locate_packed(bulk, table, rows.select("value", "batch").drop_nulls()):
        _end_packed(bulk, table, places, number)
        ended.append(places.select("value", "batch"))
    if sum(part.height for part in ended) < rows.height:
        left = rows.join(pl.concat(ended), on=["value", "batch"], how="anti")
        _end_unpacked(bulk, table, left, number)


def _locate_packed(
    bulk: BulkTransaction, table: IntervalTable, rows: pl.DataFrame
) -> Iterator[pl.DataFrame]:
    """Yield `batch`, `value`, `pack` and `place` of those that are packed in their batch."""
    bulk.stage_table("wanted", rows.select(pl.col("batch").unique()))
    firsts = bulk.query_frame(
        f"SELECT batch_id AS batch, id AS pack, first FROM {table.name}_pack "
        "WHERE batch_id IN (SELECT batch FROM temp.wanted)",
        schema=_PACK_STARTS,
    )
    near = (
        rows.sort("value")
        .join_asof(
            firsts.sort("first"),
            left_on="value",
            right_on="first",
            by="batch",
            check_sortedness=False,  # they are, and polars cannot tell in groups
        )
        .select("batch", "value", "pack")
        .drop_nulls("pack")
        .sort("pack")
    )
    for some in near.select(pl.col("pack").unique(maintain_order=True)).iter_slices(_SLICE_PACKS):
        members = load_pack_members(bulk, table, some["pack"])
        yield near.join(members, on=["pack", "value"])


def _end_packed(
    bulk: BulkTransaction, table: IntervalTable, ended: pl.DataFrame, number: int
) -> None:
    if ended.is_empty():
        return
    by_pack = ended.group_by(pack_id="pack").agg(places=pl.col("place").sort().cast(pl.String))
    text = pl.concat_str(pl.lit("["), pl.col("places").list.join(","), pl.lit("]"))
    bulk.stage_table("ended", by_pack.sort("pack_id").with_columns(places=text))
    bulk.execute(
        f"INSERT INTO {table.name}_end (pack_id, until, places) "
        "SELECT pack_id, ?, places FROM temp.ended WHERE true ON CONFLICT DO UPDATE "
        "SET places = rtrim(places, ']') || ',' || ltrim(excluded.places, '[')",
        number,
    )


def _end_unpacked(
    bulk: BulkTransaction, table: IntervalTable, rows: pl.DataFrame, number: int
) -> None:
    if rows.is_empty():
        return
    key = ["value", *table.key]
    bulk.stage_table("gone", rows.select(key).sort("value"))
    name = f"{table.name}_row"
    same = " AND ".join(f"{name}.{column} = gone.{column}" for column in key)
    bulk.execute(f"UPDATE {name} SET until = ? FROM temp.gone AS gone WHERE {same}", number)


def load_deletions(
    bulk: BulkTransaction, table: IntervalTable, where: str = "true", *numbers: int
) -> dict[int, pl.DataFrame]:
    """Return of each batch, by its `id`, `pack`, `place` and `until` of what ended of it.

    `where` is SQL about what a batch says and about `until`, with `numbers` as its parameters.
    """
    if bulk.schema_version < PACKS_VERSION:
        return {}
    found = bulk.query_frame(
        "SELECT batch.id AS batch, pack_id AS pack, until, places "
        f"FROM {table.name}_batch AS batch JOIN {table.name}_pack AS pack ON batch_id = batch.id "
        f"JOIN {table.name}_end ON pack_id = pack.id WHERE {where}",
        *numbers,
        schema=pl.Schema({**_DELETION_SCHEMA, "places": pl.String()}),
    )
    places = pl.col("places").str.head(-1).str.slice(1).str.split(",")
    each = found.select("batch", "pack", "until", place=places).explode("place")
    each = each.with_columns(pl.col("place").cast(pl.Int64))
    return {
        int(batch): part
        for (batch,), part in each.partition_by("batch", as_dict=True, include_key=False).items()
    }


def member_ends(held: pl.DataFrame, gone: pl.DataFrame) -> pl.Series:
    """Return until when each member of a batch held, null where it has not ended.

    `held` are its packs as of `packs.of_batch`, and `gone` is what is `told` of it.
    """
    length = pl.col("members").list.len().cast(pl.Int64)
    starts = held.select("pack", start=length.cum_sum() - length)
    ended = gone.join(starts, on="pack").select("until", at=pl.col("start") + pl.col("place"))
    count = int(held.select(length.sum()).item())
    nothing = pl.repeat(None, count, dtype=pl.Int64, eager=True)
    return nothing.scatter(ended["at"], ended["until"])
