"""Build SQL for packed rows: table and value -> SELECT text; no polars, for `check`."""

import json
import sqlite3
from collections.abc import Iterable

from blocklist.ledger.db.connection import PACKS_VERSION, schema_version

# Cross joins keep the order of the tables. Else SQLite, which does not know how large they are,
# reads each pack there is, and then looks whether anybody asked for it.


def row_table_sql(reader: sqlite3.Connection, table: str) -> str:
    """Return the table of what is not packed; of a database from before packs, what has all."""
    return f"{table}_row" if has_packs(reader) else table


def has_packs(reader: sqlite3.Connection) -> bool:
    """Return whether a database has packs as they are now; an older one has its views."""
    return schema_version(reader) >= PACKS_VERSION


def packed_value_sql(table: str, value: str, columns: str, source: str = "") -> str:
    """Return SQL for what is packed with exactly a value, whether it ended or not.

    `value` is an expression about `source`, which stands before the batches in the FROM clause, or
    about what is around it; `columns` may be of `batch` and `member`, and `ending`.
    """
    # A value that JSON escapes is never packed, and asked for, could be a part of a pack's text.
    # What the text of a pack does not hold is not looked for in its members.
    return (
        f"SELECT {columns} FROM {source} {table}_batch AS batch CROSS JOIN {table}_pack AS pack "
        f"ON batch_id = batch.id AND first = {_pack_start_sql(table, value)} "
        f"AND instr(members, '\"' || {value} || '\"') AND NOT instr({value}, '\"') "
        f"CROSS JOIN json_each(members) AS member WHERE member.value = {value}"
    )


def packed_range_sql(table: str, columns: str) -> str:
    """Return SQL for what is packed from a value up to another, which are its `:start` and `:end`.

    `columns` may be of `batch` and `member`, and `ending`, and so may a condition that is put
    behind it.
    """
    return (
        f"SELECT {columns} FROM {table}_batch AS batch CROSS JOIN {table}_pack AS pack "
        "ON batch_id = batch.id AND first < :end "
        f"AND first >= coalesce({_pack_start_sql(table, ':start')}, '') "
        "CROSS JOIN json_each(members) AS member "
        "WHERE member.value >= :start AND member.value < :end"
    )


def member_end_sql(table: str) -> str:
    """Return SQL for when a `member` of a `pack` ended, NULL where it has not."""
    return (
        f"(SELECT until FROM {table}_end CROSS JOIN json_each(places) AS place "
        "WHERE pack_id = pack.id AND place.value = member.key)"
    )


def packed_exists_sql(table: str) -> str:
    """Return SQL that finds whether anything is packed that had not ended at `?`.

    A condition that is put behind it may be about `batch`.
    """
    return (
        f"SELECT 1 FROM {table}_batch AS batch CROSS JOIN {table}_pack AS pack "
        "ON batch_id = batch.id WHERE json_array_length(members) > (SELECT "
        f"coalesce(sum(json_array_length(places)), 0) FROM {table}_end "
        "WHERE pack_id = pack.id AND until <= ?)"
    )


def _pack_start_sql(table: str, value: str) -> str:
    """Return SQL for the first value of the pack that would hold a value."""
    return f"(SELECT max(first) FROM {table}_pack WHERE batch_id = batch.id AND first <= {value})"


def delete_ended_rows(db: sqlite3.Connection, table: str, number: int) -> int:
    """Delete what ended up to a number, packed or not, and return how much that is."""
    sql = f"SELECT DISTINCT pack_id FROM {table}_end WHERE until <= ?"
    packs = [pack for (pack,) in db.execute(sql, [number])]
    gone = sum(_delete_ended_members(db, table, pack, number) for pack in packs)
    left = f"SELECT 1 FROM {table}_pack WHERE batch_id = {table}_batch.id"
    db.execute(f"DELETE FROM {table}_batch WHERE NOT EXISTS ({left})")
    return gone + db.execute(f"DELETE FROM {table}_row WHERE until <= ?", [number]).rowcount


def _delete_ended_members(db: sqlite3.Connection, table: str, pack: int, number: int) -> int:
    """Take what ended up to a number out of a pack, and return how much that is.

    `first` stays, for it need not be in its pack.
    """
    (text,) = db.execute(f"SELECT members FROM {table}_pack WHERE id = ?", [pack]).fetchone()
    ended = db.execute(f"SELECT until, places FROM {table}_end WHERE pack_id = ?", [pack])
    told = {until: set(json.loads(places)) for until, places in ended.fetchall()}
    over = set().union(*(places for until, places in told.items() if until <= number))
    members = json.loads(text)
    kept = [place for place in range(len(members)) if place not in over]
    db.execute(f"DELETE FROM {table}_end WHERE pack_id = ?", [pack])
    if not kept:
        db.execute(f"DELETE FROM {table}_pack WHERE id = ?", [pack])
        return len(over)
    text = _encode_array(members[place] for place in kept)
    db.execute(f"UPDATE {table}_pack SET members = ? WHERE id = ?", [text, pack])
    later = {until: places for until, places in told.items() if until > number}
    db.executemany(
        f"INSERT INTO {table}_end (pack_id, until, places) VALUES (?, ?, ?)",
        (
            (pack, until, _encode_array(n for n, place in enumerate(kept) if place in places))
            for until, places in later.items()
        ),
    )
    return len(over)


def _encode_array(values: Iterable[object]) -> str:
    """Return a JSON array as packs and their endings are written."""
    return json.dumps(list(values), ensure_ascii=False, separators=(",", ":"))
