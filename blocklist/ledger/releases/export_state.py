"""Store and read the state of exports: one row for each export file."""

import json
import sqlite3
from dataclasses import dataclass

from blocklist.ledger.db.connection import DIGESTS_VERSION, schema_version
from blocklist.ledger.db.writer import LedgerWriter

_COLUMNS = ("name", "path", "release", "digest", "serial", "written")
ExportRow = dict[str, str | int | None]


@dataclass(frozen=True, slots=True)
class ExportRecord:
    """What a file was made of, what it looked like then, and what there was to say of it."""

    #: A digest of all that decides what is in the file.
    inputs_digest: str
    #: Tells the file from any other in its place (`files.mark`).
    file_fingerprint: str | None
    row_count: int
    left_out: dict[str, int]


def load_export_states(reader: sqlite3.Connection) -> dict[str, ExportRow]:
    """Return the last state of each export by name, with the columns of the table."""
    rows = reader.execute(f"SELECT {', '.join(_COLUMNS)} FROM export")
    return {row[0]: dict(zip(_COLUMNS, row, strict=True)) for row in rows}


def load_export_records(reader: sqlite3.Connection) -> dict[str, ExportRecord]:
    """Return what each export's file was made of, where it is known, by name."""
    if schema_version(reader) < DIGESTS_VERSION:
        return {}
    rows = reader.execute(
        "SELECT name, made_of, mark, rows, left_out FROM export WHERE made_of IS NOT NULL"
    )
    return {
        name: ExportRecord(of, mark, count, json.loads(left))
        for name, of, mark, count, left in rows
    }


def save_export_state(book: LedgerWriter, row: ExportRow, made: ExportRecord) -> None:
    """Record the state of an export in place of its last one, and its serial with the release."""
    told = {"made_of": made.inputs_digest, "mark": made.file_fingerprint, "rows": made.row_count}
    values = {**row, **told, "left_out": json.dumps(made.left_out)}
    names, places = ", ".join(values), ", ".join(f":{name}" for name in values)
    serial = "UPDATE release SET serial = max(coalesce(serial, 0), ?) WHERE number = ?"
    with book.open_connection() as db:
        db.execute(f"INSERT OR REPLACE INTO export ({names}) VALUES ({places})", values)
        if row["serial"] is not None:
            db.execute(serial, [row["serial"], row["release"]])
