"""Store and read the state of exports: one row for each export file."""

import json
import sqlite3
from dataclasses import asdict, dataclass

from blocklist.ledger.db.writer import LedgerWriter

_STATE_COLUMNS = ("name", "path", "release", "digest", "serial", "written")
ExportRow = dict[str, str | int | None]


@dataclass(frozen=True, slots=True)
class ExportRecord:
    """The inputs of an export file, its identity, and what was reported when it was written."""

    #: A digest of everything that decides on the content of the file.
    inputs_digest: str
    #: Tells whether the file in place is the one that was written.
    file_fingerprint: str | None
    row_count: int
    left_out: dict[str, int]
    #: The release whose content the file has, which is what `inputs_digest` is of.
    content_release: int


def load_export_states(reader: sqlite3.Connection) -> dict[str, ExportRow]:
    """Return the last state of each export by name, with `_STATE_COLUMNS`."""
    rows = reader.execute(f"SELECT {', '.join(_STATE_COLUMNS)} FROM export")
    return {row[0]: dict(zip(_STATE_COLUMNS, row, strict=True)) for row in rows}


def load_export_records(reader: sqlite3.Connection) -> dict[str, ExportRecord]:
    """Return the record of each export's file by name."""
    rows = reader.execute(
        "SELECT name, inputs_digest, file_fingerprint, row_count, left_out, content_release "
        "FROM export"
    )
    return {
        name: ExportRecord(inputs, fingerprint, count, json.loads(left_out), release)
        for name, inputs, fingerprint, count, left_out, release in rows
    }


def save_export_state(writer: LedgerWriter, row: ExportRow, record: ExportRecord) -> None:
    """Store the state of an export in place of its last one, and its serial with the release."""
    values = {**row, **asdict(record), "left_out": json.dumps(record.left_out)}
    names, places = ", ".join(values), ", ".join(f":{name}" for name in values)
    serial = "UPDATE release SET serial = max(coalesce(serial, 0), ?) WHERE number = ?"
    with writer.transaction() as transaction:
        sql = f"INSERT OR REPLACE INTO export ({names}) VALUES ({places})"
        transaction.connection.execute(sql, values)
        if row["serial"] is not None:
            transaction.execute(serial, row["serial"], row["release"])
