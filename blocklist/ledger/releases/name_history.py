"""Load the history of names: names, two releases -> what exports carried near them in each release.

A few names are loaded with the names around them, so nothing grows with the list but the search for
names below a name, which reads the text of every pack.
"""

import json
from collections.abc import Iterable
from itertools import groupby

import polars as pl

from blocklist.frames.schemas import RELEASE, VERDICTS
from blocklist.indicators.names import name_and_ancestors
from blocklist.ledger.db.codes import code_of
from blocklist.ledger.db.frames import read_frame
from blocklist.ledger.db.transaction import Transaction
from blocklist.ledger.releases.verdicts import (
    EXPORTED_FILTER,
    list_changed_values,
    to_export_rows,
)
from blocklist.ledger.temporal.pack_sql import (
    member_end_sql,
    members_sql,
    packed_value_sql,
)
from blocklist.model import Kind

_TIMES = pl.Schema({"since": pl.Int64(), "until": pl.Int64()})
#: Rows of the schema `RELEASE`, valid from release `since` up to, but not in, release `until`.
NAME_HISTORY = pl.Schema({**RELEASE, **_TIMES})
_STORED = pl.Schema(
    {**{name: VERDICTS[name] for name in ("kind", "value", "scope", "verdict")}, **_TIMES}
)
_PACKED_COLUMNS = (
    "batch.kind, member.value, batch.scope, batch.verdict, batch.reason, batch.since, "
    f"{member_end_sql('verdict')} AS until"
)


def load_history_above(
    transaction: Transaction, names: Iterable[str], *, first: int, last: int
) -> pl.DataFrame:
    """Return the rows at and above names that were valid in a release from `first` to `last`.

    The schema is `NAME_HISTORY`.
    """
    wanted = sorted({above for name in names for above in name_and_ancestors(name)})
    source = "json_each(:wanted) AS wanted CROSS JOIN"
    packed = packed_value_sql("verdict", "wanted.value", _PACKED_COLUMNS, source)
    own = "value IN (SELECT value FROM json_each(:wanted))"
    return _load_rows(transaction, own, packed, first, last, wanted=json.dumps(wanted))


def load_history_below(
    transaction: Transaction, names: Iterable[str], *, first: int, last: int, limit: int
) -> pl.DataFrame:
    """Return the rows below names that were valid in a release from `first` to `last`.

    The schema is `NAME_HISTORY`. There are at most `limit` rows, of all names together.
    """
    suffixes = tuple(f".{name}" for name in names)
    if not suffixes:
        return NAME_HISTORY.to_frame()
    endings = [f'{suffix}"' for suffix in suffixes]
    # Python finds several texts in a pack faster than SQLite's `instr` finds one.
    add_function = transaction.connection.create_function
    add_function("has_ending", 1, lambda members: any(end in members for end in endings))
    add_function("is_ending", 1, lambda value: value.endswith(suffixes))
    packed = members_sql(
        "verdict",
        _PACKED_COLUMNS,
        in_pack="has_ending(members)",
        is_member="is_ending(member.value)",
    )
    return _load_rows(transaction, "is_ending(value)", packed, first, last, limit)


def _load_rows(
    transaction: Transaction,
    own: str,
    packed: str,
    first: int,
    last: int,
    limit: int = -1,
    **wanted: str,
) -> pl.DataFrame:
    """Return the exported rows of a condition, and those of a query for packed members."""
    columns = "kind, value, scope, verdict, reason, since, until"
    sql = (
        f"SELECT {', '.join(_STORED)} FROM (SELECT {columns} FROM verdict_row WHERE {own} "
        f"UNION ALL {packed}) WHERE kind = {code_of(Kind.DOMAIN)} AND {EXPORTED_FILTER} "
        f"AND since <= {last} AND (until IS NULL OR until > {first}) LIMIT {limit}"
    )
    stored = read_frame(transaction.connection.execute(sql, wanted), _STORED)
    return pl.concat([to_export_rows(stored), stored.select(_TIMES.names())], how="horizontal")


def select_release(history: pl.DataFrame, number: int) -> pl.DataFrame:
    """Return the rows of a history that were valid in a release (schema `RELEASE`)."""
    has_ended = (pl.col("until") <= number).fill_null(value=False)
    return history.filter(pl.col("since") <= number, ~has_ended).select(RELEASE.names())


def list_decided_values(
    transaction: Transaction, kind: Kind, *, after: int, upto: int
) -> pl.Series:
    """Return the values of a kind that entries changed after a release, up to another one.

    They are those that changed in releases that were judged from the listings of the release before
    them. What else changed with new listings is not among them.
    """
    rows = transaction.execute(
        "SELECT new.number FROM release AS new JOIN release AS old ON old.number = new.number - 1 "
        "WHERE coalesce(new.basis, new.run_id) = coalesce(old.basis, old.run_id) "
        "AND new.number > ? AND new.number <= ? ORDER BY new.number",
        after,
        upto,
    )
    numbers = [number for (number,) in rows]
    spans = groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0])
    ranges = [[number for _, number in span] for _, span in spans]
    parts = [
        list_changed_values(transaction, kind, after=span[0] - 1, upto=span[-1]) for span in ranges
    ]
    return pl.concat([pl.Series("value", dtype=pl.String), *parts]).unique().sort()
