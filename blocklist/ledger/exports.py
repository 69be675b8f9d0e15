"""What was last written where: a row an export."""

import json
import sqlite3
from dataclasses import dataclass

from blocklist.ledger.book import Book
from blocklist.ledger.connection import UNCHANGED, version

_COLUMNS = ("name", "path", "release", "digest", "serial", "written")
Row = dict[str, str | int | None]


@dataclass(frozen=True, slots=True)
class Made:
    """What a file was made of, what it looked like then, and what there was to say of it."""

    #: A digest of all that decides what is in the file.
    of: str
    #: Tells the file from any other in its place (`files.mark`).
    mark: str | None
    rows: int
    left_out: dict[str, int]


def last(reader: sqlite3.Connection) -> dict[str, Row]:
    """Return the last state of each export by name, with the columns of the table."""
    rows = reader.execute(f"SELECT {', '.join(_COLUMNS)} FROM export")
    return {row[0]: dict(zip(_COLUMNS, row, strict=True)) for row in rows}


def made(reader: sqlite3.Connection) -> dict[str, Made]:
    """Return what each export's file was made of, where it is known, by name."""
    if version(reader) < UNCHANGED:
        return {}
    rows = reader.execute(
        "SELECT name, made_of, mark, rows, left_out FROM export WHERE made_of IS NOT NULL"
    )
    return {name: Made(of, mark, count, json.loads(left)) for name, of, mark, count, left in rows}


def save(book: Book, row: Row, made: Made) -> None:
    """Record the state of an export in place of its last one, and its serial with the release."""
    told = {"made_of": made.of, "mark": made.mark, "rows": made.rows}
    values = {**row, **told, "left_out": json.dumps(made.left_out)}
    names, places = ", ".join(values), ", ".join(f":{name}" for name in values)
    serial = "UPDATE release SET serial = max(coalesce(serial, 0), ?) WHERE number = ?"
    with book.opened() as db:
        db.execute(f"INSERT OR REPLACE INTO export ({names}) VALUES ({places})", values)
        if row["serial"] is not None:
            db.execute(serial, [row["serial"], row["release"]])
