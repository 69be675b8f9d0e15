"""Releases in bulk: each is the difference to the one before, kept as intervals of verdicts."""

import sqlite3
from dataclasses import dataclass

import polars as pl

from blocklist.columns.schema import RELEASE, VERDICT, VERDICTS
from blocklist.ledger.book import Book
from blocklist.ledger.bulk import Bulk
from blocklist.ledger.times import now
from blocklist.model import Reason, Verdict

# A score is as of a day; what it led to is what holds.
_ROW = pl.Schema({name: dtype for name, dtype in VERDICTS.items() if name != "score"})
_KEY = ["value", "scope"]
_BLOCK = list(Verdict).index(Verdict.BLOCK)
_HOLD = list(Verdict).index(Verdict.HOLD)
_ALLOW = list(Verdict).index(Verdict.ALLOW)
_HOLD = list(Verdict).index(Verdict.HOLD)
_URL_ONLY = list(Reason).index(Reason.URL_ONLY)
_OPERATOR = list(Reason).index(Reason.OPERATOR)


@dataclass(frozen=True, slots=True)
class Release:
    """A numbered, immutable set of verdicts. `added` and `removed` count blocked indicators."""

    number: int
    created: str
    cause: str
    blocked: int
    held: int
    added: int
    removed: int


def history(reader: sqlite3.Connection) -> list[Release]:
    """Return all releases, newest first."""
    rows = reader.execute(
        "SELECT number, created, cause, blocked, held, added, removed "
        "FROM release ORDER BY number DESC"
    )
    return [Release(*row) for row in rows]


def in_force(bulk: Bulk) -> pl.DataFrame:
    """Return the verdicts of the current release."""
    names = ", ".join(_ROW.names())
    sql = f"SELECT {names} FROM verdict WHERE until IS NULL"
    return bulk.query(sql, schema=_ROW)


def rows(bulk: Bulk, number: int) -> pl.DataFrame:
    """Return what a release blocks and what its operator entries allow (schema `RELEASE`).

    What an entry holds stays open until a person has looked again, also below what is blocked.
    """
    return bulk.query(
        "SELECT kind, value, scope, "
        f"CASE verdict WHEN {_HOLD} THEN {_ALLOW} ELSE verdict END AS verdict FROM verdict "
        f"WHERE since <= ? AND (until IS NULL OR until > ?) AND (verdict = {_BLOCK} "
        f"OR verdict IN ({_ALLOW}, {_HOLD}) AND reason = {_OPERATOR})",
        number,
        number,
        schema=pl.Schema([*list(_ROW.items())[:3], ("verdict", VERDICT)]),
    ).select("kind", "value", "scope", action=pl.col("verdict").cast(RELEASE["action"]))


def pages(bulk: Bulk, number: int) -> pl.DataFrame:
    """Return the URLs that a release holds because DNS would block their host with them."""
    return bulk.query(
        f"SELECT kind, value, scope FROM verdict WHERE verdict = {_HOLD} AND reason = {_URL_ONLY} "
        "AND since <= ? AND (until IS NULL OR until > ?)",
        number,
        number,
        schema=pl.Schema(list(_ROW.items())[:3]),
    ).with_columns(action=pl.lit(Verdict.BLOCK.value, RELEASE["action"]))


def own_blocks(bulk: Bulk, number: int) -> pl.Series:
    """Return the values that the operator blocks in a release."""
    found = bulk.query(
        f"SELECT value FROM verdict WHERE verdict = {_BLOCK} AND reason = {_OPERATOR} "
        "AND since <= ? AND (until IS NULL OR until > ?)",
        number,
        number,
        schema=pl.Schema({"value": pl.String()}),
    )
    return found["value"]


def changes(before: pl.DataFrame, judged: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the verdicts that are new or otherwise, and those that no longer hold."""
    columns = _ROW.names()
    after = judged.select(columns)
    return (
        after.join(before, on=columns, how="anti", nulls_equal=True),
        before.join(after, on=columns, how="anti", nulls_equal=True),
    )


def publish(
    book: Book, number: int, cause: str, judged: pl.DataFrame, before: pl.DataFrame
) -> Release:
    """Make the verdicts the release `number`, in one transaction."""
    new, old = changes(before, judged)
    counts = dict(judged["verdict"].cast(pl.String).value_counts().iter_rows())
    blocked_new = new.filter(pl.col("verdict") == Verdict.BLOCK.value)
    blocked_old = old.filter(pl.col("verdict") == Verdict.BLOCK.value)
    release = Release(
        number=number,
        created=now(),
        cause=cause,
        blocked=counts.get(Verdict.BLOCK, 0),
        held=counts.get(Verdict.HOLD, 0),
        added=blocked_new.join(blocked_old, on=_KEY, how="anti").height,
        removed=blocked_old.join(blocked_new, on=_KEY, how="anti").height,
    )
    with Bulk(book.database) as bulk:
        record = {name: getattr(release, name) for name in Release.__dataclass_fields__}
        bulk.append("release", pl.DataFrame([{**record, "run_id": book.run}]))
        if not old.is_empty():
            bulk.stage("ended", old.select(_KEY))
            bulk.execute(
                "UPDATE verdict SET until = ? WHERE until IS NULL "
                "AND (value, scope) IN (SELECT value, scope FROM temp.ended)",
                number,
            )
        bulk.append("verdict", new.sort(_KEY).with_columns(since=pl.lit(number, pl.Int64)))
    return release
