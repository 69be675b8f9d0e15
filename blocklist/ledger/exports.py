"""What was last written where: a row an export."""

import sqlite3

from blocklist.ledger.book import Book

_COLUMNS = ("name", "path", "release", "digest", "serial", "written")
Row = dict[str, str | int | None]


def last(reader: sqlite3.Connection) -> dict[str, Row]:
    """Return the last state of each export by name, with the columns of the table."""
    rows = reader.execute("SELECT name, path, release, digest, serial, written FROM export")
    return {row[0]: dict(zip(_COLUMNS, row, strict=True)) for row in rows}


def save(book: Book, row: Row) -> None:
    """Record the state of an export in place of its last one, and its serial with the release."""
    serial = "UPDATE release SET serial = max(coalesce(serial, 0), ?) WHERE number = ?"
    with book.small() as db:
        db.table("export").upsert(row, pk="name")
        if row["serial"] is not None:
            db.execute(serial, [row["serial"], row["release"]])
