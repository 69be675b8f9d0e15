"""Releases in bulk: each is the difference to the one before, kept as intervals of verdicts."""

import json
from dataclasses import dataclass, fields
from itertools import chain

import polars as pl

from blocklist.columns.difference import difference, without
from blocklist.columns.schema import RELEASE, VERDICTS
from blocklist.ledger import endings, intervals, packs, pins
from blocklist.ledger.book import Book
from blocklist.ledger.bulk import Bulk
from blocklist.ledger.history import Release, history, release
from blocklist.ledger.times import now
from blocklist.model import GuardClass, Kind, Reason, Verdict

__all__ = ["Release", "history", "release"]  # so that whoever reads releases need not know both

# A score is as of a day; what it led to is what holds.
ROW = pl.Schema({name: dtype for name, dtype in VERDICTS.items() if name != "score"})
_EXPORTED = ["kind", "value", "scope", "verdict"]
_KEY = ["value", "scope"]
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
        return _blocks_beyond(self.new, self.old)

    @property
    def removed(self) -> pl.DataFrame:
        """What is blocked and would no longer be."""
        return _blocks_beyond(self.old, self.new)

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


def _blocks_beyond(verdicts: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """Return the blocks that are not among the blocks of others."""
    if verdicts.is_empty() or others.is_empty():  # as at a first release, which has millions
        return _blocks(verdicts)
    return _blocks(verdicts).join(_blocks(others), on=_KEY, how="anti")


def in_force(bulk: Bulk) -> pl.DataFrame:
    """Return the verdicts of the current release."""
    return _holding(bulk, ROW.names())


def verdicts(bulk: Bulk, number: int) -> pl.DataFrame:
    """Return the verdicts of a release that is not pruned."""
    return _holding(bulk, ROW.names(), at=number)


def _holding(
    bulk: Bulk, columns: list[str], where: str = "true", at: int | None = None
) -> pl.DataFrame:
    """Return columns of what holds in the current release, or one of the past."""
    parts = intervals.standing(bulk, packs.VERDICTS, where, at=at)
    return pl.concat(part.select(columns) for part in parts)


def of_values(bulk: Bulk, values: pl.Series, number: int | None = None) -> pl.DataFrame:
    """Return the verdicts on exactly these values in the current release, or one of the past."""
    parts = intervals.standing(bulk, packs.VERDICTS, at=number)
    wanted = values.alias("value").to_frame()
    return pl.concat(
        part.select(ROW.names()).join(wanted, on="value", how="semi") for part in parts
    )


def guarded(bulk: Bulk) -> pl.Series:
    """Return the values that guards keep from being blocked in the current release."""
    reasons = ", ".join(str(list(Reason).index(Reason(guard))) for guard in GuardClass)
    return _holding(bulk, ["value"], f"reason IN ({reasons})")["value"].unique()


def names_at_stake(bulk: Bulk) -> pl.Series:
    """Return the names that the current release blocks or holds."""
    domain = list(Kind).index(Kind.DOMAIN)
    where = f"kind = {domain} AND verdict IN ({_BLOCK}, {_HOLD})"
    return _holding(bulk, ["value"], where)["value"].unique()


def rows(bulk: Bulk, number: int | None = None) -> pl.DataFrame:
    """Return what a release blocks and what its operator entries allow (schema `RELEASE`).

    It is the current one unless told.
    """
    return exported(_holding(bulk, _EXPORTED, IN_FORCE, number))


def exported(verdicts: pl.DataFrame) -> pl.DataFrame:
    """Return verdicts that exports carry as `RELEASE`.

    What an entry holds stays open until a person has looked again, also below what is blocked.
    """
    block, allow = (pl.lit(one.value, RELEASE["action"]) for one in (Verdict.BLOCK, Verdict.ALLOW))
    blocked = pl.col("verdict") == Verdict.BLOCK.value
    return verdicts.select(
        "kind", "value", "scope", action=pl.when(blocked).then(block).otherwise(allow)
    )


def pages(bulk: Bulk, number: int) -> pl.DataFrame:
    """Return the URLs that a release holds because DNS would block their host with them."""
    held = f"verdict = {_HOLD} AND reason = {_URL_ONLY}"
    found = _holding(bulk, ["kind", "value", "scope"], held, number)
    return found.with_columns(action=pl.lit(Verdict.BLOCK.value, RELEASE["action"]))


def watched(bulk: Bulk, number: int, before: int | None) -> pl.DataFrame:
    """Return `kind` and `value` of what must not go wrong when a release is written.

    That is what the operator decides, what the judge kept from being blocked, and what changed
    since the release `before`.
    """
    columns = ["kind", "value"]
    kept = _holding(bulk, columns, f"(verdict <> {_BLOCK} OR reason = {_OPERATOR})", number)
    if before is None:
        return kept.unique()
    came = intervals.ever(bulk, packs.VERDICTS, "since > ? AND since <= ?", before, number)
    went = intervals.ended(bulk, packs.VERDICTS, "true", after=before, upto=number)
    return pl.concat([kept, *(part.select(columns) for part in chain(came, went))]).unique()


def own_blocks(bulk: Bulk, number: int) -> pl.Series:
    """Return the values that the operator blocks in a release."""
    mine = f"verdict = {_BLOCK} AND reason = {_OPERATOR}"
    return _holding(bulk, ["value"], mine, number)["value"]


def basis(bulk: Bulk, number: int) -> int:
    """Return the run after which feeds listed what a release was judged from."""
    sql = "SELECT coalesce(basis, run_id) AS run FROM release WHERE number = ?"
    return int(bulk.query(sql, number, schema=pl.Schema({"run": pl.Int64()}))["run"].item())


def changes(before: pl.DataFrame, after: pl.DataFrame) -> Change:
    """Return how verdicts change from `before` to `after`; scores do not count."""
    before, after = before.select(ROW.names()), after.select(ROW.names())
    if before.is_empty():  # of a first release all is new, without a hash of it
        return Change(after, before)
    gone, new = difference(before, after)
    return Change(after.filter(new), before.filter(gone))


def after(before: pl.DataFrame, change: Change) -> pl.DataFrame:
    """Return the verdicts that a change makes of those before it."""
    stays = without(before, change.old, _KEY)
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
        endings.end(bulk, packs.VERDICTS, _ending(bulk, change.old), new.number)
        packs.store(bulk, packs.VERDICTS, change.new.select(ROW.names()), since=new.number)
        forget_candidate(bulk)


def _ending(bulk: Bulk, old: pl.DataFrame) -> pl.DataFrame:
    """Return what holds of these verdicts, and since when."""
    if old.is_empty():
        return old
    parts = intervals.standing(bulk, packs.VERDICTS)
    return pl.concat(part.join(old.select(_KEY), on=_KEY, how="semi") for part in parts)


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
