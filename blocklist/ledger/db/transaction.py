"""Transactions: database -> statements, small tables and polars frames of one state.

polars and sqlite-utils are imported only where they are used, so that a transaction of a few
statements starts fast.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from blocklist.ledger.db.connection import begin_writing, open_existing, open_read_write

if TYPE_CHECKING:
    import polars as pl
    from sqlite_utils.db import Table


class Transaction:
    """An open transaction; `connection` is for small statements and for functions that take one.

    Begin one with `read_transaction` or `LedgerWriter.transaction`.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def execute(self, sql: str, *parameters: str | int | None) -> sqlite3.Cursor:
        """Run one statement and return its cursor."""
        return self.connection.execute(sql, parameters)

    def frame(self, sql: str, *parameters: str | int, schema: "pl.Schema") -> "pl.DataFrame":
        """Return the rows of a query as a frame of the schema; codes become words."""
        from blocklist.ledger.db.frames import read_frame

        return read_frame(self.connection.execute(sql, parameters), schema)

    def append(self, table: str, frame: "pl.DataFrame") -> None:
        """Add the rows of a frame to a table that has its columns; words become codes."""
        from blocklist.ledger.db.frames import insert_frame

        insert_frame(self.connection, table, frame)

    def stage(self, name: str, frame: "pl.DataFrame") -> None:
        """Make the temporary table `temp.NAME` of a frame, in place of an earlier one."""
        from blocklist.ledger.db.frames import insert_frame, temporary_table_sql

        self.connection.execute(f"DROP TABLE IF EXISTS temp.{name}")
        self.connection.execute(temporary_table_sql(name, frame))
        insert_frame(self.connection, f"temp.{name}", frame)

    def table(self, name: str) -> "Table":
        """Return a small table as sqlite-utils gives it: `table("pin").insert({...})`."""
        from sqlite_utils import Database

        return Database(self.connection).table(name)


@contextmanager
def read_transaction(database: Path) -> Iterator[Transaction]:
    """Begin a transaction that reads one state of the database, whatever others write meanwhile.

    Raise `StorageError` when the database cannot be read.
    """
    with open_existing(database) as connection:
        connection.execute("BEGIN")
        yield Transaction(connection)


@contextmanager
def write_transaction(database: Path) -> Iterator[Transaction]:
    """Begin a transaction that is committed at the end, and rolled back by an exception.

    It waits for other programs that write. Raise `StorageError` when the database cannot be
    written.
    """
    with open_read_write(database) as connection:
        begin_writing(connection)
        try:
            yield Transaction(connection)
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
