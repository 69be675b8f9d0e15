"""What is packed (see `packs`), asked for in SQL alone: cheap to import, for `check`."""

import json
import sqlite3

from blocklist.ledger.connection import version

#: The version of the database that first knew packs of a table.
SINCE = {"listing": 9, "verdict": 10}

# When a row of its own, `own`, stands in the place of a value that is packed in `batch`.
_SAME = {
    "listing": "own.feed_id = batch.feed_id AND own.scope = batch.scope "
    "AND own.since = batch.since",
    "verdict": "own.scope = batch.scope AND own.since = batch.since",
}


# Cross joins keep the order of the tables. Else SQLite, which does not know how large they are,
# reads each pack there is, and then looks whether anybody asked for it.


def rows(reader: sqlite3.Connection, table: str) -> str:
    """Return the table of what is not packed.

    A database that nothing has written to since an upgrade has no packs, and is still read.
    """
    return f"{table}_row" if has_packs(reader, table) else table


def has_packs(reader: sqlite3.Connection, table: str) -> bool:
    """Return whether a database knows packs of a table."""
    return version(reader) >= SINCE[table]


def equal(table: str, value: str, columns: str, source: str = "") -> str:
    """Return SQL for what is packed with exactly a value, and has no row of its own.

    `value` is an expression about `source`, which stands before the batches in the FROM clause, or
    about what is around it; `columns` may be of `batch`, too.
    """
    # A value that JSON escapes is never packed, and asked for, could be a part of a pack's text.
    return (
        f"SELECT {columns} FROM {source} {table}_batch AS batch CROSS JOIN {table}_pack AS pack "
        f"ON batch_id = batch.id AND first = {_reaching(table, value)} "
        f"WHERE instr(members, '\"' || {value} || '\"') AND NOT instr({value}, '\"') "
        f"AND {_still(table, value)}"
    )


def between(table: str, columns: str) -> str:
    """Return SQL for what is packed from a value up to another, which are its `:start` and `:end`.

    `columns` may be of `batch` and `member`, and so may a condition that is put behind it.
    """
    return (
        f"SELECT {columns} FROM {table}_batch AS batch CROSS JOIN {table}_pack AS pack "
        "ON batch_id = batch.id AND first < :end "
        f"AND first >= coalesce({_reaching(table, ':start')}, '') "
        "CROSS JOIN json_each(members) AS member "
        "WHERE member.value >= :start AND member.value < :end "
        f"AND {_still(table, 'member.value')}"
    )


def any_packed(table: str, over: str) -> str:
    """Return SQL that finds whether anything is packed that is not `over`.

    That is a condition about the row that stands in its place, `own`; a condition that is put
    behind it may be about `batch`.
    """
    return (
        f"SELECT 1 FROM {table}_batch AS batch CROSS JOIN {table}_pack AS pack "
        "ON batch_id = batch.id CROSS JOIN json_each(members) AS member "
        f"WHERE NOT EXISTS (SELECT 1 FROM {table}_row AS own "
        f"WHERE own.value = member.value AND {_SAME[table]} AND {over})"
    )


def _reaching(table: str, value: str) -> str:
    """Return SQL for the first value of the pack that would hold a value."""
    return f"(SELECT max(first) FROM {table}_pack WHERE batch_id = batch.id AND first <= {value})"


def _still(table: str, value: str) -> str:
    """Return SQL for whether no row of its own stands in the place of a packed value."""
    own = f"SELECT 1 FROM {table}_row AS own WHERE own.value = {value} AND {_SAME[table]}"
    return f"NOT EXISTS ({own})"


def forget(db: sqlite3.Connection, table: str, number: int) -> int:
    """Delete what ended up to a number, packed or not, and return how much that is.

    What ended has a row of its own, and without it would be in force again: so what it stands for
    is taken out of its pack, too.
    """
    ended = (
        f"SELECT own.value FROM {table}_row AS own JOIN {table}_batch AS batch ON {_SAME[table]} "
        "WHERE batch.id = ? AND own.until <= ?"
    )
    for (batch,) in db.execute(f"SELECT id FROM {table}_batch").fetchall():
        over = {value for (value,) in db.execute(ended, [batch, number])}
        if over:
            _unpack(db, table, batch, over)
    left = f"SELECT 1 FROM {table}_pack WHERE batch_id = {table}_batch.id"
    db.execute(f"DELETE FROM {table}_batch WHERE NOT EXISTS ({left})")
    return db.execute(f"DELETE FROM {table}_row WHERE until <= ?", [number]).rowcount


def _unpack(db: sqlite3.Connection, table: str, batch: int, values: set[str]) -> None:
    """Take values out of the packs of a batch; `first` stays, for it need not be in its pack."""
    packs = db.execute(f"SELECT rowid FROM {table}_pack WHERE batch_id = ?", [batch]).fetchall()
    for pack in packs:
        sql = f"SELECT members FROM {table}_pack WHERE rowid = ?"
        packed = json.loads(db.execute(sql, pack).fetchone()[0])
        kept = [value for value in packed if value not in values]
        if not kept:
            db.execute(f"DELETE FROM {table}_pack WHERE rowid = ?", pack)
        elif len(kept) < len(packed):
            text = json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
            db.execute(f"UPDATE {table}_pack SET members = ? WHERE rowid = ?", [text, *pack])
