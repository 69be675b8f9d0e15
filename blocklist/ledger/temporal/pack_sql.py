"""SQL for packed rows: table and value -> SELECT text, and deletion; no polars, for `check`."""

import json
import sqlite3
from collections.abc import Iterable

# Cross joins keep the order of the tables. SQLite has no statistics of their sizes, and would
# otherwise read every pack before it compares the value.


def packed_value_sql(table: str, value: str, columns: str, source: str = "") -> str:
    """Return SQL for the packed members that equal a value, ended or not.

    `value` is an expression about `source`, which is put before the batches in the FROM clause, or
    about an outer query. `columns` may be about `batch`, `pack` and `member`.
    """
    # A value that JSON escapes is never packed, and could otherwise match across two members. The
    # text of a pack is searched first, because that is faster than splitting it into members.
    return (
        f"SELECT {columns} FROM {source} {table}_batch AS batch CROSS JOIN {table}_pack AS pack "
        f"ON batch_id = batch.id AND first = {_pack_start_sql(table, value)} "
        f"AND instr(members, '\"' || {value} || '\"') AND NOT instr({value}, '\"') "
        f"CROSS JOIN json_each(members) AS member WHERE member.value = {value}"
    )


def packed_range_sql(table: str, columns: str) -> str:
    """Return SQL for the packed members from the value `:start` up to, but not, `:end`.

    `columns`, and conditions appended to the SQL, may be about `batch`, `pack` and `member`.
    """
    return (
        f"SELECT {columns} FROM {table}_batch AS batch CROSS JOIN {table}_pack AS pack "
        "ON batch_id = batch.id AND first < :end "
        f"AND first >= coalesce({_pack_start_sql(table, ':start')}, '') "
        "CROSS JOIN json_each(members) AS member "
        "WHERE member.value >= :start AND member.value < :end"
    )


def members_ending_sql(table: str, columns: str) -> str:
    """Return SQL for the packed members that end with `:suffix`; all packs are searched."""
    return members_sql(
        table,
        columns,
        in_pack="instr(members, :suffix || '\"')",
        is_member="substr(member.value, -length(:suffix)) = :suffix",
    )


def members_sql(table: str, columns: str, *, in_pack: str, is_member: str) -> str:
    """Return SQL for the packed members with a condition; all packs are searched.

    Only packs with the condition `in_pack`, which is about `members`, are split into members.
    """
    return (
        f"SELECT {columns} FROM {table}_batch AS batch CROSS JOIN {table}_pack AS pack "
        f"ON batch_id = batch.id AND {in_pack} CROSS JOIN json_each(members) AS member "
        f"WHERE {is_member}"
    )


def member_end_sql(table: str) -> str:
    """Return SQL for the number at which a `member` of a `pack` ended, NULL where it did not."""
    return (
        f"(SELECT until FROM {table}_end CROSS JOIN json_each(positions) AS position "
        "WHERE pack_id = pack.id AND position.value = member.key)"
    )


def packed_exists_sql(table: str) -> str:
    """Return SQL with a row for each pack that has members which had not ended at `?`.

    Conditions appended to the SQL may be about `batch`.
    """
    return (
        f"SELECT 1 FROM {table}_batch AS batch CROSS JOIN {table}_pack AS pack "
        "ON batch_id = batch.id WHERE json_array_length(members) > (SELECT "
        f"coalesce(sum(json_array_length(positions)), 0) FROM {table}_end "
        "WHERE pack_id = pack.id AND until <= ?)"
    )


def _pack_start_sql(table: str, value: str) -> str:
    """Return SQL for the first value of the pack that would contain a value."""
    return f"(SELECT max(first) FROM {table}_pack WHERE batch_id = batch.id AND first <= {value})"


def delete_ended_rows(connection: sqlite3.Connection, table: str, number: int) -> int:
    """Delete the rows and members that ended up to a number; return how many there were."""
    sql = f"SELECT DISTINCT pack_id FROM {table}_end WHERE until <= ?"
    packs = [pack for (pack,) in connection.execute(sql, [number])]
    deleted = sum(_delete_ended_members(connection, table, pack, number) for pack in packs)
    left = f"SELECT 1 FROM {table}_pack WHERE batch_id = {table}_batch.id"
    connection.execute(f"DELETE FROM {table}_batch WHERE NOT EXISTS ({left})")
    rows = connection.execute(f"DELETE FROM {table}_row WHERE until <= ?", [number])
    return deleted + rows.rowcount


def _delete_ended_members(
    connection: sqlite3.Connection, table: str, pack: int, number: int
) -> int:
    """Delete the members of a pack that ended up to a number; return how many there were.

    `first` stays as it is, although its value may no longer be a member.
    """
    sql = f"SELECT members FROM {table}_pack WHERE id = ?"
    members = json.loads(connection.execute(sql, [pack]).fetchone()[0])
    ends = connection.execute(f"SELECT until, positions FROM {table}_end WHERE pack_id = ?", [pack])
    ended = {until: set(json.loads(positions)) for until, positions in ends.fetchall()}
    over = set().union(*(positions for until, positions in ended.items() if until <= number))
    kept = [position for position in range(len(members)) if position not in over]
    connection.execute(f"DELETE FROM {table}_end WHERE pack_id = ?", [pack])
    if not kept:
        connection.execute(f"DELETE FROM {table}_pack WHERE id = ?", [pack])
        return len(over)
    text = _encode_array(members[position] for position in kept)
    connection.execute(f"UPDATE {table}_pack SET members = ? WHERE id = ?", [text, pack])
    connection.executemany(
        f"INSERT INTO {table}_end (pack_id, until, positions) VALUES (?, ?, ?)",
        (
            (pack, until, _encode_array(n for n, old in enumerate(kept) if old in positions))
            for until, positions in ended.items()
            if until > number
        ),
    )
    return len(over)


def _encode_array(values: Iterable[object]) -> str:
    """Return a JSON array in the form of packs and deletion vectors."""
    return json.dumps(list(values), ensure_ascii=False, separators=(",", ":"))
