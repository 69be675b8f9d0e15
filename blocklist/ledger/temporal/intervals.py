"""Read rows by time: table and moment -> frames of current, past or ended rows."""

from collections.abc import Iterator

import polars as pl

from blocklist.ledger.db.bulk import BulkTransaction
from blocklist.ledger.temporal.deletion_vectors import load_deletions, member_ends
from blocklist.ledger.temporal.packs import (
    IntervalTable,
    load_batch_packs,
    load_batches,
    load_pack_members,
    row_table_name,
)

_HELD_AT = "since <= ? AND (until IS NULL OR until > ?)"


def rows_at(
    bulk: BulkTransaction,
    table: IntervalTable,
    where: str = "true",
    *numbers: int,
    at: int | None = None,
) -> Iterator[pl.DataFrame]:
    """Yield what holds now, or held at a number: the rows, and then batch by batch.

    `where` is SQL about what a batch says, to choose by, and `numbers` are its parameters. Each
    part has `value`, in whose order it is, and what a batch says.
    """
    alive, moment = ("until IS NULL", ()) if at is None else (_HELD_AT, (at, at))
    columns = pl.Schema({"value": pl.String(), **table.batch_schema})
    sql = f"SELECT {', '.join(columns)} FROM {row_table_name(bulk, table)}"
    sql += f" WHERE {where} AND {alive} ORDER BY value"
    yield bulk.query_frame(sql, *numbers, *moment, schema=columns)
    if at is not None:
        where, numbers = f"{where} AND since <= ?", (*numbers, at)
    for said, values, until in _iterate_batches(bulk, table, where, *numbers):
        held = values if until is None else values.filter(_alive_mask(until, at))
        yield held.to_frame("value").with_columns(**said)


def _alive_mask(until: pl.Series, at: int | None) -> pl.Series:
    return until.is_null() if at is None else (until > at).fill_null(value=True)


def rows_ever(
    bulk: BulkTransaction, table: IntervalTable, where: str = "true", *numbers: int
) -> Iterator[pl.DataFrame]:
    """Yield what ever held, the rows and then batch by batch, chosen as by `standing`.

    Beside what a batch says it has `until` and what only rows say.
    """
    schema = _full_schema(table)
    sql = f"SELECT {', '.join(schema)} FROM {row_table_name(bulk, table)} WHERE {where}"
    yield bulk.query_frame(sql, *numbers, schema=schema)
    nothing = {name: pl.lit(None, dtype) for name, dtype in table.row_schema.items()}
    for said, values, until in _iterate_batches(bulk, table, where, *numbers):
        ended = pl.lit(None, pl.Int64) if until is None else until
        yield values.to_frame("value").with_columns(**said, until=ended, **nothing)


def rows_ended(
    bulk: BulkTransaction,
    table: IntervalTable,
    where: str,
    *numbers: int,
    after: int,
    upto: int | None = None,
) -> Iterator[pl.DataFrame]:
    """Yield what ended later than a number, and no later than another, as `ever` does."""
    last, moments = ("", (after,)) if upto is None else (" AND until <= ?", (after, upto))
    within, numbers = f"{where} AND until > ?{last}", (*numbers, *moments)
    schema = _full_schema(table)
    sql = f"SELECT {', '.join(schema)} FROM {row_table_name(bulk, table)} WHERE {within}"
    yield bulk.query_frame(sql, *numbers, schema=schema)
    nothing = {name: pl.lit(None, dtype) for name, dtype in table.row_schema.items()}
    told = load_deletions(bulk, table, within, *numbers)
    for batch in load_batches(bulk, table).iter_rows(named=True):
        if (gone := told.get(batch["id"])) is not None:
            values = load_pack_members(bulk, table, gone["pack"].unique())
            found = gone.join(values, on=["pack", "place"])
            yield found.with_columns(**_batch_columns(table, batch), **nothing).select(
                schema.names()
            )


def _full_schema(table: IntervalTable) -> pl.Schema:
    return pl.Schema(
        {"value": pl.String(), **table.batch_schema, "until": pl.Int64(), **table.row_schema}
    )


def _batch_columns(table: IntervalTable, batch: dict[str, object]) -> dict[str, pl.Expr]:
    """Return the columns of what a batch says."""
    return {name: pl.lit(batch[name], dtype) for name, dtype in table.batch_schema.items()}


def _iterate_batches(
    bulk: BulkTransaction, table: IntervalTable, where: str, *numbers: int
) -> Iterator[tuple[dict[str, pl.Expr], pl.Series, pl.Series | None]]:
    """Yield what each batch says, its values in order, and until when each held, if any ended."""
    batches = load_batches(bulk, table, where, *numbers)
    if batches.is_empty():
        return
    told = load_deletions(bulk, table, where, *numbers)
    for batch in batches.iter_rows(named=True):
        held = load_batch_packs(bulk, table, batch["id"])
        gone = told.get(batch["id"])
        until = None if gone is None else member_ends(held, gone)
        yield _batch_columns(table, batch), held["members"].explode(), until


def concat_by_value(parts: Iterator[pl.DataFrame], columns: list[str]) -> pl.DataFrame:
    """Return columns of parts, which are each in the order of their values, in that order."""
    frame = pl.concat(part.select(columns) for part in parts)
    if frame["value"].is_sorted():
        return frame.with_columns(pl.col("value").set_sorted())
    return frame.sort("value")
