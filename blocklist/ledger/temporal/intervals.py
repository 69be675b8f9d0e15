"""Read rows by time: table and moment -> frames of current, past or ended rows."""

from collections.abc import Iterator

import polars as pl

from blocklist.ledger.db.transaction import Transaction
from blocklist.ledger.temporal.deletion_vectors import load_deletions, member_ends
from blocklist.ledger.temporal.packs import (
    IntervalTable,
    load_batch_packs,
    load_batches,
    load_pack_members,
)

_VALID_AT = "since <= ? AND (until IS NULL OR until > ?)"


def rows_at(
    transaction: Transaction,
    table: IntervalTable,
    where: str = "true",
    *numbers: int,
    at: int | None = None,
) -> Iterator[pl.DataFrame]:
    """Yield the rows that are valid now, or were valid at a number, and then batch by batch.

    `where` is SQL about the columns of a batch, with `numbers` as its parameters. Each part has
    `value`, in whose order it is, and the columns of a batch.
    """
    alive, moment = ("until IS NULL", ()) if at is None else (_VALID_AT, (at, at))
    columns = pl.Schema({"value": pl.String(), **table.batch_schema})
    sql = f"SELECT {', '.join(columns)} FROM {table.name}_row"
    sql += f" WHERE {where} AND {alive} ORDER BY value"
    yield transaction.frame(sql, *numbers, *moment, schema=columns)
    if at is not None:
        where, numbers = f"{where} AND since <= ?", (*numbers, at)
    for batch, values, until in _iterate_batches(transaction, table, where, *numbers):
        valid = values if until is None else values.filter(_valid_mask(until, at))
        yield valid.to_frame("value").with_columns(**batch)


def _valid_mask(until: pl.Series, at: int | None) -> pl.Series:
    return until.is_null() if at is None else (until > at).fill_null(value=True)


def rows_ever(
    transaction: Transaction, table: IntervalTable, where: str = "true", *numbers: int
) -> Iterator[pl.DataFrame]:
    """Yield the rows that are or were valid, and then batch by batch; `where` is as in `rows_at`.

    The columns are `value`, those of a batch, `until`, and those that only rows have.
    """
    schema = _full_schema(table)
    sql = f"SELECT {', '.join(schema)} FROM {table.name}_row WHERE {where}"
    yield transaction.frame(sql, *numbers, schema=schema)
    row_columns = _empty_row_columns(table)
    for batch, values, until in _iterate_batches(transaction, table, where, *numbers):
        ended = pl.lit(None, pl.Int64) if until is None else until
        yield values.to_frame("value").with_columns(**batch, until=ended, **row_columns)


def rows_ended(
    transaction: Transaction,
    table: IntervalTable,
    where: str,
    *numbers: int,
    after: int,
    upto: int | None = None,
) -> Iterator[pl.DataFrame]:
    """Yield the rows that ended after a number, and up to another, with columns of `rows_ever`."""
    last, moments = ("", (after,)) if upto is None else (" AND until <= ?", (after, upto))
    within, numbers = f"{where} AND until > ?{last}", (*numbers, *moments)
    schema = _full_schema(table)
    sql = f"SELECT {', '.join(schema)} FROM {table.name}_row WHERE {within}"
    yield transaction.frame(sql, *numbers, schema=schema)
    row_columns = _empty_row_columns(table)
    deletions = load_deletions(transaction, table, within, *numbers)
    for batch in load_batches(transaction, table).iter_rows(named=True):
        if (gone := deletions.get(batch["id"])) is not None:
            values = load_pack_members(transaction, table, gone["pack"].unique())
            ended = gone.join(values, on=["pack", "position"])
            columns = ended.with_columns(**_batch_columns(table, batch), **row_columns)
            yield columns.select(schema.names())


def _full_schema(table: IntervalTable) -> pl.Schema:
    return pl.Schema(
        {"value": pl.String(), **table.batch_schema, "until": pl.Int64(), **table.row_schema}
    )


def _empty_row_columns(table: IntervalTable) -> dict[str, pl.Expr]:
    return {name: pl.lit(None, dtype) for name, dtype in table.row_schema.items()}


def _batch_columns(table: IntervalTable, batch: dict[str, object]) -> dict[str, pl.Expr]:
    return {name: pl.lit(batch[name], dtype) for name, dtype in table.batch_schema.items()}


def _iterate_batches(
    transaction: Transaction, table: IntervalTable, where: str, *numbers: int
) -> Iterator[tuple[dict[str, pl.Expr], pl.Series, pl.Series | None]]:
    """Yield each batch: its columns, its values in order, and their ends, if any ended."""
    batches = load_batches(transaction, table, where, *numbers)
    if batches.is_empty():
        return
    deletions = load_deletions(transaction, table, where, *numbers)
    for batch in batches.iter_rows(named=True):
        packs = load_batch_packs(transaction, table, batch["id"])
        gone = deletions.get(batch["id"])
        until = None if gone is None else member_ends(packs, gone)
        yield _batch_columns(table, batch), packs["members"].explode(), until


def concat_by_value(parts: Iterator[pl.DataFrame], columns: list[str]) -> pl.DataFrame:
    """Return columns of parts that are each sorted by value, sorted by value as a whole."""
    frame = pl.concat(part.select(columns) for part in parts)
    if frame["value"].is_sorted():
        return frame.with_columns(pl.col("value").set_sorted())
    return frame.sort("value")
