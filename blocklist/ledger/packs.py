"""Rows that are alike in all but their value, hundreds of values to a stored row.

A first snapshot, or a first release, is millions of rows of which all but the values say the same.
They go into a *batch*, which says it once, and *packs* of sorted values: a fraction of the time
that a row each takes, and less room. What is packed never changes: when it ends, it gets a row
of its own in `TABLE_row`, which then stands in its place. The view TABLE gives all of it as rows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_

import polars as pl

from blocklist.columns.schema import KIND, REASON, SCOPE, VERDICT
from blocklist.ledger.bulk import Bulk
from blocklist.ledger.packed import SINCE

#: Values of one pack: few enough to look one up, many enough to weigh nothing.
SIZE = 500
#: Fewer rows that are alike are no burden as rows.
LEAST = 10_000

_JOINT = '","'
# What JSON would escape: what holds it stays a row.
_ESCAPED = r'["\\\x00-\x1f]'
# What is packed or appended at once: slices need less memory than the whole.
_SLICE = 2_000 * SIZE
_THEN = "since <= ? AND (until IS NULL OR until > ?)"
_PACKS = pl.Schema({"first": pl.String(), "members": pl.String()})


@dataclass(frozen=True, slots=True)
class Table:
    """A table of rows since when and until when a value holds, of which many may be packed."""

    name: str
    #: What a batch says once for all of its values.
    alike: pl.Schema
    #: Which of it tells, with a value, which row stands in the place of a packed one.
    key: tuple[str, ...]
    #: What only a row of its own says.
    more: pl.Schema


LISTING = Table(
    "listing",
    pl.Schema({"feed_id": pl.Int64(), "kind": KIND, "scope": SCOPE, "since": pl.Int64()}),
    ("feed_id", "scope", "since"),
    pl.Schema({"evidence": pl.String()}),
)
VERDICTS = Table(
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


def store(bulk: Bulk, table: Table, rows: pl.DataFrame, **same: int) -> None:
    """Add rows that hold from now on; where many are alike, packed.

    `same` are columns in which all of them have one number.
    """
    alike = [name for name in table.alike if name not in same]
    simple = ~pl.col("value").str.contains(_ESCAPED)
    for name in table.more:
        simple &= pl.col(name).is_null()
    plain = rows.select(simple).to_series()
    # The streaming engine counts a few groups four times as fast.
    counts = rows.lazy().filter(plain).group_by(alike).len().filter(pl.col("len") >= LEAST)
    packed = []
    for said in counts.drop("len").collect(engine="streaming").iter_rows(named=True):
        mine = plain & rows.select(_says(table, said)).to_series()
        packed.append(mine)
        _pack(bulk, table, {**said, **same}, rows.filter(mine)["value"])
    _append(bulk, table, rows.filter(~reduce(or_, packed)) if packed else rows, same)


def _says(table: Table, said: Mapping[str, object]) -> pl.Expr:
    """Tell which rows say the same as others."""
    return pl.all_horizontal(
        pl.col(name).eq_missing(pl.lit(value, table.alike[name])) for name, value in said.items()
    )


def _pack(bulk: Bulk, table: Table, said: Mapping[str, object], values: pl.Series) -> None:
    number = pl.Schema({"id": pl.Int64()})
    sql = f"SELECT coalesce(max(id), 0) + 1 AS id FROM {table.name}_batch"
    batch = bulk.query(sql, schema=number).item()
    row = pl.DataFrame([said], schema=table.alike)
    bulk.append(f"{table.name}_batch", row.with_columns(id=pl.lit(batch, pl.Int64)))
    ordered = values.sort()
    for start in range(0, len(ordered), _SLICE):
        packs = _packs(ordered[start : start + _SLICE])
        bulk.append(f"{table.name}_pack", packs.with_columns(batch_id=pl.lit(batch, pl.Int64)))


def _packs(values: pl.Series) -> pl.DataFrame:
    """Return sorted values as packs: the `first` of each, and all `members` as JSON."""
    places = (pl.int_range(pl.len()) // SIZE).alias("place")
    packs = (
        values.to_frame("value")
        .group_by(places, maintain_order=True)
        .agg(first=pl.col("value").first(), joined=pl.col("value").str.join(_JOINT))
    )
    return packs.select("first", members=pl.concat_str(pl.lit('["'), "joined", pl.lit('"]')))


def _append(bulk: Bulk, table: Table, rows: pl.DataFrame, same: Mapping[str, int]) -> None:
    """Add what is not packed, in the order of the table."""
    columns = {name: pl.lit(number, pl.Int64) for name, number in same.items()}
    order = rows.select(pl.arg_sort_by("value", "scope")).to_series()
    for start in range(0, len(order), _SLICE):
        part = rows[order[start : start + _SLICE]]
        bulk.append(f"{table.name}_row", part.with_columns(**columns))


def end(bulk: Bulk, table: Table, gone: pl.DataFrame, number: int) -> None:
    """End at a number what holds now: `gone` has `value` and all that a batch says."""
    if gone.is_empty():
        return
    names = ", ".join(["value", *table.alike])
    bulk.stage("gone", gone.select("value", *table.alike).sort("value"))
    bulk.execute(
        f"INSERT INTO {table.name}_row ({names}, until) SELECT {names}, ? FROM temp.gone "
        "WHERE true ON CONFLICT DO UPDATE SET until = excluded.until",
        number,
    )


def standing(
    bulk: Bulk, table: Table, where: str = "true", *numbers: int, at: int | None = None
) -> Iterator[pl.DataFrame]:
    """Yield what holds now, or held at a number: the rows, and then batch by batch.

    `where` is SQL about what a batch says, to choose by, and `numbers` are its parameters. Each
    part has `value`, in whose order it is, and what a batch says.
    """
    alive, moment = ("until IS NULL", ()) if at is None else (_THEN, (at, at))
    names = ", ".join(["value", *table.alike])
    yield bulk.query(
        f"SELECT {names} FROM {name_of_rows(bulk, table)} WHERE {where} AND {alive} ORDER BY value",
        *(*numbers, *moment),
        schema=pl.Schema({"value": pl.String(), **table.alike}),
    )
    if at is not None:
        where, numbers = f"{where} AND since <= ?", (*numbers, at)
    yield from packed(bulk, table, where, *numbers)


def ever(bulk: Bulk, table: Table, where: str = "true", *numbers: int) -> Iterator[pl.DataFrame]:
    """Yield what ever held, the rows and then batch by batch, chosen as by `standing`.

    Beside what a batch says it has `until` and what only rows say.
    """
    more = pl.Schema({"until": pl.Int64(), **table.more})
    schema = pl.Schema({"value": pl.String(), **table.alike, **more})
    sql = f"SELECT {', '.join(schema)} FROM {name_of_rows(bulk, table)} WHERE {where}"
    yield bulk.query(sql, *numbers, schema=schema)
    nothing = {name: pl.lit(None, dtype) for name, dtype in more.items()}
    for part in packed(bulk, table, where, *numbers):
        yield part.with_columns(**nothing)


def packed(bulk: Bulk, table: Table, where: str, *numbers: int) -> Iterator[pl.DataFrame]:
    """Yield what is packed and has no row in its place, batch by batch, as `standing` does."""
    if bulk.version < SINCE[table.name]:
        return
    names = ", ".join(table.alike)
    batches = bulk.query(
        f"SELECT id, {names} FROM {table.name}_batch WHERE {where} ORDER BY id",
        *numbers,
        schema=pl.Schema({"id": pl.Int64(), **table.alike}),
    )
    if batches.is_empty():
        return
    key = pl.Schema({name: table.alike[name] for name in table.key})
    over = bulk.query(
        f"SELECT value, {', '.join(key)} FROM {table.name}_row WHERE {where} "
        f"AND until IS NOT NULL AND since IN (SELECT since FROM {table.name}_batch)",
        *numbers,
        schema=pl.Schema({"value": pl.String(), **key}),
    )
    ended = over.partition_by(key.names(), as_dict=True)
    for batch in batches.iter_rows(named=True):
        said = {name: pl.lit(batch[name], dtype) for name, dtype in table.alike.items()}
        values = _members(bulk, table, batch["id"])
        gone = ended.get(tuple(batch[name] for name in key))
        if gone is not None:
            values = values.filter(~values.is_in(gone["value"].implode()))
        yield values.to_frame("value").with_columns(**said)


def _members(bulk: Bulk, table: Table, batch: int) -> pl.Series:
    """Return the values of a batch, sorted."""
    sql = f"SELECT first, members FROM {table.name}_pack WHERE batch_id = ?"
    texts = bulk.query(sql, batch, schema=_PACKS).sort("first")["members"]
    return texts.str.head(-2).str.slice(2).str.split(_JOINT).explode()


def ordered(parts: Iterator[pl.DataFrame], columns: list[str]) -> pl.DataFrame:
    """Return columns of parts, which are each in the order of their values, in that order."""
    frame = pl.concat(part.select(columns) for part in parts)
    if frame["value"].is_sorted():
        return frame.with_columns(pl.col("value").set_sorted())
    return frame.sort("value")


def name_of_rows(bulk: Bulk, table: Table) -> str:
    """Return the table of what is not packed; one without packs has all."""
    return f"{table.name}_row" if bulk.version >= SINCE[table.name] else table.name
