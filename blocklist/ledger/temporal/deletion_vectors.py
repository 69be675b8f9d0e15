"""End stored rows at a number: frame of values -> updated rows and deletion vectors.

If 1 % of a list changes each day, copying ended values would fill the database. So `TABLE_end`
stores for each pack and end number a JSON array with the positions of the ended members.
"""

from collections.abc import Iterator

import polars as pl

from blocklist.ledger.db.transaction import Transaction
from blocklist.ledger.temporal.packs import IntervalTable, load_batches, load_pack_members

# Packs that are searched at once.
_SLICE_PACKS = 2_000
_PACK_STARTS = pl.Schema({"batch": pl.Int64(), "pack": pl.Int64(), "first": pl.String()})
_DELETION_SCHEMA = pl.Schema({"batch": pl.Int64(), "pack": pl.Int64(), "until": pl.Int64()})


def end_rows(
    transaction: Transaction, table: IntervalTable, gone: pl.DataFrame, number: int
) -> None:
    """End current rows at a number: `gone` has their `value` and the columns of a batch."""
    if gone.is_empty():
        return
    batches = load_batches(transaction, table).rename({"id": "batch"})
    rows = gone.join(batches, on=list(table.batch_schema), how="left", nulls_equal=True)
    ended = [rows.select("value", "batch").clear()]
    in_batches = rows.select("value", "batch").drop_nulls()
    for members in _locate_members(transaction, table, in_batches):
        _end_members(transaction, table, members, number)
        ended.append(members.select("value", "batch"))
    if sum(part.height for part in ended) < rows.height:
        left = rows.join(pl.concat(ended), on=["value", "batch"], how="anti")
        _end_unpacked(transaction, table, left, number)


def _locate_members(
    transaction: Transaction, table: IntervalTable, rows: pl.DataFrame
) -> Iterator[pl.DataFrame]:
    """Yield `batch`, `value`, `pack` and `position` of the values that their batch has packed."""
    transaction.stage("wanted", rows.select(pl.col("batch").unique()))
    firsts = transaction.frame(
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
            check_sortedness=False,  # they are sorted, but polars cannot check that in groups
        )
        .select("batch", "value", "pack")
        .drop_nulls("pack")
        .sort("pack")
    )
    for some in near.select(pl.col("pack").unique(maintain_order=True)).iter_slices(_SLICE_PACKS):
        members = load_pack_members(transaction, table, some["pack"])
        yield near.join(members, on=["pack", "value"])


def _end_members(
    transaction: Transaction, table: IntervalTable, ended: pl.DataFrame, number: int
) -> None:
    if ended.is_empty():
        return
    by_pack = ended.group_by(pack_id="pack").agg(
        positions=pl.col("position").sort().cast(pl.String)
    )
    text = pl.concat_str(pl.lit("["), pl.col("positions").list.join(","), pl.lit("]"))
    transaction.stage("ended", by_pack.sort("pack_id").with_columns(positions=text))
    transaction.execute(
        f"INSERT INTO {table.name}_end (pack_id, until, positions) "
        "SELECT pack_id, ?, positions FROM temp.ended WHERE true ON CONFLICT DO UPDATE "
        "SET positions = rtrim(positions, ']') || ',' || ltrim(excluded.positions, '[')",
        number,
    )


def _end_unpacked(
    transaction: Transaction, table: IntervalTable, rows: pl.DataFrame, number: int
) -> None:
    if rows.is_empty():
        return
    key = ["value", *table.key]
    transaction.stage("gone", rows.select(key).sort("value"))
    name = f"{table.name}_row"
    same = " AND ".join(f"{name}.{column} = gone.{column}" for column in key)
    transaction.execute(f"UPDATE {name} SET until = ? FROM temp.gone AS gone WHERE {same}", number)


def load_deletions(
    transaction: Transaction, table: IntervalTable, where: str = "true", *numbers: int
) -> dict[int, pl.DataFrame]:
    """Return the ended members of batches by batch id: columns `pack`, `position` and `until`.

    `where` is SQL about the columns of a batch and `until`, with `numbers` as its parameters.
    """
    vectors = transaction.frame(
        "SELECT batch.id AS batch, pack_id AS pack, until, positions "
        f"FROM {table.name}_batch AS batch JOIN {table.name}_pack AS pack ON batch_id = batch.id "
        f"JOIN {table.name}_end ON pack_id = pack.id WHERE {where}",
        *numbers,
        schema=pl.Schema({**_DELETION_SCHEMA, "positions": pl.String()}),
    )
    positions = pl.col("positions").str.head(-1).str.slice(1).str.split(",")
    members = vectors.select("batch", "pack", "until", position=positions).explode("position")
    members = members.with_columns(pl.col("position").cast(pl.Int64))
    return {
        int(batch): part
        for (batch,), part in members.partition_by("batch", as_dict=True, include_key=False).items()
    }


def member_ends(packs: pl.DataFrame, deletions: pl.DataFrame) -> pl.Series:
    """Return for each member of a batch the number at which it ended, null where it did not.

    `packs` are those of the batch (`load_batch_packs`), `deletions` its part of `load_deletions`.
    """
    length = pl.col("members").list.len().cast(pl.Int64)
    starts = packs.select("pack", start=length.cum_sum() - length)
    ended = deletions.join(starts, on="pack").select(
        "until", at=pl.col("start") + pl.col("position")
    )
    count = int(packs.select(length.sum()).item())
    ends = pl.repeat(None, count, dtype=pl.Int64, eager=True)
    return ends.scatter(ended["at"], ended["until"])
