"""Move polars frames through sqlite3: cursor -> frame, frame -> rows of a table."""

import sqlite3

import polars as pl

from blocklist.frames.schemas import KIND, REASON, SCOPE, VERDICT

#: Columns that are stored as codes (`codes`).
_CODED_COLUMNS = {"kind": KIND, "scope": SCOPE, "verdict": VERDICT, "reason": REASON}
# Small blocks stay in the processor's cache, and a block of packs is only some megabytes.
_BLOCK_ROWS = 500


def read_frame(cursor: sqlite3.Cursor, schema: pl.Schema) -> pl.DataFrame:
    """Return the rows of a cursor as a frame of the schema, whose names are in their order."""
    blocks = [pl.DataFrame(schema=schema)]
    while rows := cursor.fetchmany(_BLOCK_ROWS):
        columns = zip(schema.items(), zip(*rows, strict=True), strict=True)
        blocks.append(pl.DataFrame([_make_column(*field, values) for field, values in columns]))
    return pl.concat(blocks, rechunk=True)


def _make_column(name: str, dtype: pl.DataType, values: tuple[object, ...]) -> pl.Series:
    if isinstance(dtype, pl.Enum):
        return pl.Series(name, values, pl.UInt8).cat.to(dtype)
    return pl.Series(name, values, dtype)


def insert_frame(connection: sqlite3.Connection, table: str, frame: pl.DataFrame) -> None:
    """Add the rows of a frame to a table that has its columns."""
    names, places = ", ".join(frame.columns), ", ".join("?" for _ in frame.columns)
    sql = f"INSERT INTO {table} ({names}) VALUES ({places})"
    for block in _encode_words(frame).iter_slices(_BLOCK_ROWS):
        columns = [column.to_list() for column in block.iter_columns()]
        connection.executemany(sql, zip(*columns, strict=True))


def temporary_table_sql(name: str, frame: pl.DataFrame) -> str:
    """Return the statement that creates a temporary table with the columns of a frame."""
    columns = (
        f"{column} {'TEXT' if dtype == pl.String else 'INTEGER'}"
        for column, dtype in _encode_words(frame.clear()).schema.items()
    )
    return f"CREATE TEMP TABLE {name} ({', '.join(columns)})"


def _encode_words(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(
        pl.col(name).to_physical()
        for name, dtype in frame.schema.items()
        if isinstance(dtype, pl.Enum) and name in _CODED_COLUMNS
    )
