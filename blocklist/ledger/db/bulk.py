"""Move frames through ADBC: SQL -> polars frame, frame -> table, one transaction per use."""

from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

import polars as pl
from adbc_driver_sqlite import dbapi

from blocklist.errors import StorageError
from blocklist.frames.schemas import KIND, REASON, SCOPE, VERDICT
from blocklist.ledger.db.connection import BUSY_TIMEOUT_SECONDS, lock_sqlite_library, storage_error

#: Columns that are stored as the places of their words.
_CODED_COLUMNS = {"kind": KIND, "scope": SCOPE, "verdict": VERDICT, "reason": REASON}


class BulkTransaction:
    """A transaction that moves frames; it is committed at the end and undone by an exception."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._sqlite_access = lock_sqlite_library()

    def __enter__(self) -> Self:
        self._sqlite_access.__enter__()
        try:
            self._connection = dbapi.connect(str(self._database))
            self._cursor = self._connection.cursor()
            self._cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_SECONDS * 1000}")
        except dbapi.Error as cause:
            self._sqlite_access.__exit__(None, None, None)
            raise self._storage_error(cause) from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._connection.commit()
            else:
                self._connection.rollback()
        except dbapi.Error as cause:
            raise self._storage_error(cause) from None
        finally:
            self._cursor.close()
            self._connection.close()
            self._sqlite_access.__exit__(None, None, None)
        if isinstance(error, dbapi.NotSupportedError):
            # What becomes of Ctrl-C: ADBC asks the driver to cancel, and SQLite's cannot.
            raise KeyboardInterrupt from None
        if isinstance(error, dbapi.Error):
            raise self._storage_error(error) from None

    def _storage_error(self, cause: Exception) -> StorageError:
        return storage_error(self._database, "read or written", cause)

    def query_frame(self, sql: str, *parameters: str | int, schema: pl.Schema) -> pl.DataFrame:
        """Return the rows of a query as a frame of the schema, codes turned into words.

        A text that is empty comes as null.
        """
        # ADBC takes the type of a column from its first rows, and a number where those are NULL.
        columns = (
            f"coalesce({name}, '') AS {name}" if dtype == pl.String else name
            for name, dtype in schema.items()
        )
        self._cursor.execute(f"SELECT {', '.join(columns)} FROM ({sql})", parameters or None)
        try:
            frame = pl.DataFrame(self._cursor.fetch_polars())
        except pl.exceptions.ComputeError as cause:  # what polars makes of an error behind a stream
            raise self._storage_error(cause) from None
        return frame.select(_decode_column(name, dtype) for name, dtype in schema.items())

    @cached_property
    def schema_version(self) -> int:
        """The number of the last migration that the database has seen."""
        sql = "SELECT user_version FROM pragma_user_version"
        return int(self.query_frame(sql, schema=pl.Schema({"user_version": pl.Int64()})).item())

    def execute(self, sql: str, *parameters: str | int) -> None:
        """Run one statement."""
        self._cursor.execute(sql, parameters or None)

    def append_rows(self, table: str, frame: pl.DataFrame) -> None:
        """Add the rows of a frame to a table that has its columns; words are stored as codes."""
        if not frame.is_empty():
            self._cursor.adbc_ingest(table, _encode_enums(frame), mode="append")

    def stage_table(self, name: str, frame: pl.DataFrame) -> None:
        """Make a temporary table of a frame, in place of one of the same name."""
        self._cursor.execute(f"DROP TABLE IF EXISTS temp.{name}")
        self._cursor.adbc_ingest(name, _encode_enums(frame), mode="create", temporary=True)


def _decode_column(name: str, dtype: pl.DataType) -> pl.Expr:
    if isinstance(dtype, pl.Enum):
        return pl.col(name).cast(pl.UInt8).cat.to(dtype)
    typed = pl.col(name).cast(dtype)
    return typed.replace("", None) if dtype == pl.String else typed


def _encode_enums(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(
        pl.col(name).to_physical().cast(pl.Int64)
        for name, dtype in frame.schema.items()
        if isinstance(dtype, pl.Enum) and name in _CODED_COLUMNS
    )
