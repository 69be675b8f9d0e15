"""Releases in bulk: each is the difference to the one before, kept as intervals of verdicts."""

import json
from dataclasses import dataclass, fields

import polars as pl

from blocklist.columns.schema import RELEASE, VERDICT, VERDICTS
from blocklist.ledger import pins
from blocklist.ledger.book import Book
from blocklist.ledger.bulk import Bulk
from blocklist.ledger.history import Release, history, release
from blocklist.ledger.times import now
from blocklist.model import GuardClass, Reason, Verdict

__all__ = ["Release", "history", "release"]  # so that whoever reads releases need not know both

# A score is as of a day; what it led to is what holds.
ROW = pl.Schema({name: dtype for name, dtype in VERDICTS.items() if name != "score"})
_NAMES = ", ".join(ROW.names())
_KEY = ["value", "scope"]
_ALIVE = "since <= ? AND (until IS NULL OR until > ?)"
_BLOCK = list(Verdict).index(Verdict.BLOCK)
_HOLD = list(Verdict).index(Verdict.HOLD)
_ALLOW = list(Verdict).index(Verdict.ALLOW)
_URL_ONLY = list(Reason).index(Reason.URL_ONLY)
_OPERATOR = list(Reason).index(Reason.OPERATOR)
#: What exports carry of the verdicts: blocks, and the operator's entries that cut into them.
IN_FORCE = f"(verdict = {_BLOCK} OR verdict IN ({_ALLOW}, {_HOLD}) AND reason = {_OPERATOR})"


@dataclass(frozen=True, slots=True)
class Change:
    """How verdicts change: those that are new or otherwise, and those that no longer hold."""

    new: pl.DataFrame
    old: pl.DataFrame

    def __bool__(self) -> bool:
        return not (self.new.is_empty() and self.old.is_empty())

    @property
    def added(self) -> pl.DataFrame:
        """What would be blocked and is not yet."""
        return _blocks(self.new).join(_blocks(self.old), on=_KEY, how="anti")

    @property
    def removed(self) -> pl.DataFrame:
        """What is blocked and would no longer be."""
        return _blocks(self.old).join(_blocks(self.new), on=_KEY, how="anti")

    def split(self, values: pl.Series) -> "tuple[Change, Change]":
        """Return the part about these values, and the rest."""
        wanted = values.to_frame("value")
        mine, rest = (
            Change(*(part.join(wanted, on="value", how=how) for part in (self.new, self.old)))
            for how in ("semi", "anti")
        )
        return mine, rest

    def more(self, verdict: Verdict) -> int:
        """Return how many more verdicts of a kind there are after it."""
        return sum(
            sign * int((part["verdict"] == verdict.value).sum())
            for sign, part in ((1, self.new), (-1, self.old))
        )


def _blocks(verdicts: pl.DataFrame) -> pl.DataFrame:
    return verdicts.filter(pl.col("verdict") == Verdict.BLOCK.value)


def in_force(bulk: Bulk) -> pl.DataFrame:
    """Return the verdicts of the current release."""
    return bulk.query(f"SELECT {_NAMES} FROM verdict WHERE until IS NULL", schema=ROW)


def verdicts(bulk: Bulk, number: int) -> pl.DataFrame:
    """Return the verdicts of a release that is not pruned."""
    return bulk.query(f"SELECT {_NAMES} FROM verdict WHERE {_ALIVE}", number, number, schema=ROW)


def guarded(bulk: Bulk) -> pl.Series:
    """Return the values that guards keep from being blocked in the current release."""
    reasons = ", ".join(str(list(Reason).index(Reason(guard))) for guard in GuardClass)
    sql = f"SELECT DISTINCT value FROM verdict WHERE until IS NULL AND reason IN ({reasons})"
    return bulk.query(sql, schema=pl.Schema({"value": pl.String()}))["value"]


def rows(bulk: Bulk, number: int) -> pl.DataFrame:
    """Return what a release blocks and what its operator entries allow (schema `RELEASE`)."""
    sql = f"SELECT kind, value, scope, verdict FROM verdict WHERE {_ALIVE} AND {IN_FORCE}"
    return exported(bulk, sql, number, number)


def exported(bulk: Bulk, sql: str, *parameters: int) -> pl.DataFrame:
    """Return the rows of a query for `kind`, `value`, `scope` and `verdict` as `RELEASE`.

    What an entry holds stays open until a person has looked again, also below what is blocked.
    """
    action = f"CASE verdict WHEN {_HOLD} THEN {_ALLOW} ELSE verdict END AS verdict"
    sql = f"SELECT kind, value, scope, {action} FROM ({sql})"
    schema = pl.Schema([*list(ROW.items())[:3], ("verdict", VERDICT)])
    found = bulk.query(sql, *parameters, schema=schema)
    return found.select("kind", "value", "scope", action=pl.col("verdict").cast(RELEASE["action"]))


def pages(bulk: Bulk, number: int) -> pl.DataFrame:
    """Return the URLs that a release holds because DNS would block their host with them."""
    return bulk.query(
        f"SELECT kind, value, scope FROM verdict WHERE verdict = {_HOLD} AND reason = {_URL_ONLY} "
        f"AND {_ALIVE}",
        number,
        number,
        schema=pl.Schema(list(ROW.items())[:3]),
    ).with_columns(action=pl.lit(Verdict.BLOCK.value, RELEASE["action"]))


def watched(bulk: Bulk, number: int, before: int | None) -> pl.DataFrame:
    """Return `kind` and `value` of what must not go wrong when a release is written.

    That is what the operator decides, what the judge kept from being blocked, and what changed
    since the release `before`.
    """
    since = number if before is None else before
    return bulk.query(
        f"SELECT kind, value FROM verdict WHERE {_ALIVE} "
        f"AND (verdict <> {_BLOCK} OR reason = {_OPERATOR}) "
        "UNION SELECT kind, value FROM verdict WHERE since > ? AND since <= ? "
        "UNION SELECT kind, value FROM verdict WHERE until > ? AND until <= ?",
        *(number, number, since, number, since, number),
        schema=pl.Schema({"kind": ROW["kind"], "value": pl.String()}),
    )


def own_blocks(bulk: Bulk, number: int) -> pl.Series:
    """Return the values that the operator blocks in a release."""
    found = bulk.query(
        f"SELECT value FROM verdict WHERE verdict = {_BLOCK} AND reason = {_OPERATOR} AND {_ALIVE}",
        number,
        number,
        schema=pl.Schema({"value": pl.String()}),
    )
    return found["value"]


def basis(bulk: Bulk, number: int) -> int:
    """Return the run after which feeds listed what a release was judged from."""
    sql = "SELECT coalesce(basis, run_id) AS run FROM release WHERE number = ?"
    return int(bulk.query(sql, number, schema=pl.Schema({"run": pl.Int64()}))["run"].item())


def changes(before: pl.DataFrame, after: pl.DataFrame) -> Change:
    """Return how verdicts change from `before` to `after`; scores do not count."""
    columns = ROW.names()
    after = after.select(columns)
    if before.is_empty():  # of a first release all is new, without a hash of it
        return Change(after, before.select(columns))
    return Change(
        after.join(before, on=columns, how="anti", nulls_equal=True),
        before.join(after, on=columns, how="anti", nulls_equal=True),
    )


def after(before: pl.DataFrame, change: Change) -> pl.DataFrame:
    """Return the verdicts that a change makes of those before it."""
    stays = before.join(change.old, on=_KEY, how="anti")
    return pl.concat([stays, change.new.select(before.columns)])


def following(book: Book, past: Release | None, change: Change, cause: str) -> Release:
    """Return the release that a change makes of the one in force, with its counts."""
    return Release(
        number=past.number + 1 if past else 1,
        created=now(),
        cause=cause,
        blocked=(past.blocked if past else 0) + change.more(Verdict.BLOCK),
        held=(past.held if past else 0) + change.more(Verdict.HOLD),
        added=change.added.height,
        removed=change.removed.height,
        who=book.who,
        run=book.run,
        basis=book.run,
    )


def publish(book: Book, new: Release, change: Change, *, pinned: bool = False) -> None:
    """Make a change the release `new`, in one transaction, and pin it if told.

    A candidate is then out of date.
    """
    with Bulk(book.database) as bulk:
        if pinned:
            pins.pin_release(bulk, book, new.number, new.reason or "")
        bulk.append("release", pl.DataFrame([record(book, new)]))
        if not change.old.is_empty():
            bulk.stage("ended", change.old.select(_KEY))
            bulk.execute(
                "UPDATE verdict SET until = ? WHERE until IS NULL "
                "AND (value, scope) IN (SELECT value, scope FROM temp.ended)",
                new.number,
            )
        rows = change.new.sort(_KEY).with_columns(since=pl.lit(new.number, pl.Int64))
        bulk.append("verdict", rows)
        forget_candidate(bulk)


def forget_candidate(bulk: Bulk) -> None:
    """Forget what the gate held (`ledger.candidate`), for it is a difference to the past."""
    for table in ("candidate", "candidate_verdict"):
        bulk.execute(f"DELETE FROM {table}")


def record(book: Book, new: Release) -> dict[str, object]:
    """Return the columns of a release's row."""
    names = {one.name for one in fields(new)} - {"who", "run"}
    row: dict[str, object] = {name: getattr(new, name) for name in sorted(names)}
    told = {name: json.dumps(row[name]) for name in ("feeds", "categories")}
    row |= {**told, "pruned": int(new.pruned), "run_id": book.run}
    # A column of nothing but nulls has no type.
    return {name: value for name, value in row.items() if value is not None}
