"""Store and read the verdicts of releases: change -> release; release number -> frames.

Each release is stored as the difference to the one before, as intervals of verdicts.
"""

import json
from dataclasses import dataclass, fields
from itertools import chain

import polars as pl

from blocklist.frames.diff import exclude_rows, find_unmatched_rows
from blocklist.frames.schemas import RELEASE, VERDICTS
from blocklist.ledger.db.bulk import BulkTransaction
from blocklist.ledger.db.timestamps import current_timestamp
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.releases.history import Release
from blocklist.ledger.releases.pins import pin_release
from blocklist.ledger.temporal.deletion_vectors import end_rows
from blocklist.ledger.temporal.intervals import rows_at, rows_ended, rows_ever
from blocklist.ledger.temporal.packs import VERDICT_TABLE, store_rows
from blocklist.model import GuardClass, Kind, Reason, Verdict

# A score is as of a day; what it led to is what holds.
VERDICT_ROW = pl.Schema({name: dtype for name, dtype in VERDICTS.items() if name != "score"})
_EXPORT_COLUMNS = ["kind", "value", "scope", "verdict"]
_KEY = ["value", "scope"]
_BLOCK = list(Verdict).index(Verdict.BLOCK)
_HOLD = list(Verdict).index(Verdict.HOLD)
_ALLOW = list(Verdict).index(Verdict.ALLOW)
_URL_ONLY = list(Reason).index(Reason.URL_ONLY)
_OPERATOR = list(Reason).index(Reason.OPERATOR)
#: What exports carry of the verdicts: blocks, and the operator's entries that cut into them.
EXPORTED_FILTER = f"(verdict = {_BLOCK} OR verdict IN ({_ALLOW}, {_HOLD}) AND reason = {_OPERATOR})"


@dataclass(frozen=True, slots=True)
class VerdictChange:
    """How verdicts change: those that are new or otherwise, and those that no longer hold."""

    new: pl.DataFrame
    old: pl.DataFrame

    def __bool__(self) -> bool:
        return not (self.new.is_empty() and self.old.is_empty())

    @property
    def added_blocks(self) -> pl.DataFrame:
        """What would be blocked and is not yet."""
        return _subtract_blocks(self.new, self.old)

    @property
    def removed_blocks(self) -> pl.DataFrame:
        """What is blocked and would no longer be."""
        return _subtract_blocks(self.old, self.new)

    def split_by_values(self, values: pl.Series) -> "tuple[VerdictChange, VerdictChange]":
        """Return the part about these values, and the rest."""
        wanted = values.to_frame("value")
        mine, rest = (
            VerdictChange(
                *(part.join(wanted, on="value", how=how) for part in (self.new, self.old))
            )
            for how in ("semi", "anti")
        )
        return mine, rest

    def net_count(self, verdict: Verdict) -> int:
        """Return how many more verdicts of a kind there are after it."""
        return sum(
            sign * int((part["verdict"] == verdict.value).sum())
            for sign, part in ((1, self.new), (-1, self.old))
        )


def _filter_blocks(verdicts: pl.DataFrame) -> pl.DataFrame:
    return verdicts.filter(pl.col("verdict") == Verdict.BLOCK.value)


def _subtract_blocks(verdicts: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """Return the blocks that are not among the blocks of others."""
    if verdicts.is_empty() or others.is_empty():  # as at a first release, which has millions
        return _filter_blocks(verdicts)
    return _filter_blocks(verdicts).join(_filter_blocks(others), on=_KEY, how="anti")


def current_verdicts(bulk: BulkTransaction) -> pl.DataFrame:
    """Return the verdicts of the current release."""
    return _select_verdicts(bulk, VERDICT_ROW.names())


def verdicts_at(bulk: BulkTransaction, number: int) -> pl.DataFrame:
    """Return the verdicts of a release that is not pruned."""
    return _select_verdicts(bulk, VERDICT_ROW.names(), at=number)


def _select_verdicts(
    bulk: BulkTransaction, columns: list[str], where: str = "true", at: int | None = None
) -> pl.DataFrame:
    """Return columns of what holds in the current release, or one of the past."""
    parts = rows_at(bulk, VERDICT_TABLE, where, at=at)
    return pl.concat(part.select(columns) for part in parts)


def verdicts_for(
    bulk: BulkTransaction, values: pl.Series, number: int | None = None
) -> pl.DataFrame:
    """Return the verdicts on exactly these values in the current release, or one of the past."""
    parts = rows_at(bulk, VERDICT_TABLE, at=number)
    wanted = values.alias("value").to_frame()
    return pl.concat(
        part.select(VERDICT_ROW.names()).join(wanted, on="value", how="semi") for part in parts
    )


def guarded_values(bulk: BulkTransaction) -> pl.Series:
    """Return the values that guards keep from being blocked in the current release."""
    reasons = ", ".join(str(list(Reason).index(Reason(guard))) for guard in GuardClass)
    return _select_verdicts(bulk, ["value"], f"reason IN ({reasons})")["value"].unique()


def blocked_and_held_names(bulk: BulkTransaction) -> pl.Series:
    """Return the names that the current release blocks or holds."""
    domain = list(Kind).index(Kind.DOMAIN)
    where = f"kind = {domain} AND verdict IN ({_BLOCK}, {_HOLD})"
    return _select_verdicts(bulk, ["value"], where)["value"].unique()


def export_rows(bulk: BulkTransaction, number: int | None = None) -> pl.DataFrame:
    """Return what a release blocks and what its operator entries allow (schema `RELEASE`).

    It is the current one unless told.
    """
    return to_export_rows(_select_verdicts(bulk, _EXPORT_COLUMNS, EXPORTED_FILTER, number))


def to_export_rows(verdicts: pl.DataFrame) -> pl.DataFrame:
    """Return verdicts that exports carry as `RELEASE`.

    What an entry holds stays open until a person has looked again, also below what is blocked.
    """
    block, allow = (pl.lit(one.value, RELEASE["action"]) for one in (Verdict.BLOCK, Verdict.ALLOW))
    blocked = pl.col("verdict") == Verdict.BLOCK.value
    return verdicts.select(
        "kind", "value", "scope", action=pl.when(blocked).then(block).otherwise(allow)
    )


def held_urls(bulk: BulkTransaction, number: int) -> pl.DataFrame:
    """Return the URLs that a release holds because DNS would block their host with them."""
    held = f"verdict = {_HOLD} AND reason = {_URL_ONLY}"
    found = _select_verdicts(bulk, ["kind", "value", "scope"], held, number)
    return found.with_columns(action=pl.lit(Verdict.BLOCK.value, RELEASE["action"]))


def values_to_verify(bulk: BulkTransaction, number: int, before: int | None) -> pl.DataFrame:
    """Return `kind` and `value` of what must not go wrong when a release is written.

    That is what the operator decides, what the judge kept from being blocked, and what changed
    since the release `before`.
    """
    columns = ["kind", "value"]
    kept = _select_verdicts(bulk, columns, f"(verdict <> {_BLOCK} OR reason = {_OPERATOR})", number)
    if before is None:
        return kept.unique()
    came = rows_ever(bulk, VERDICT_TABLE, "since > ? AND since <= ?", before, number)
    went = rows_ended(bulk, VERDICT_TABLE, "true", after=before, upto=number)
    return pl.concat([kept, *(part.select(columns) for part in chain(came, went))]).unique()


def operator_blocks(bulk: BulkTransaction, number: int) -> pl.Series:
    """Return the values that the operator blocks in a release."""
    mine = f"verdict = {_BLOCK} AND reason = {_OPERATOR}"
    return _select_verdicts(bulk, ["value"], mine, number)["value"]


def source_run(bulk: BulkTransaction, number: int) -> int:
    """Return the run after which feeds listed what a release was judged from."""
    sql = "SELECT coalesce(basis, run_id) AS run FROM release WHERE number = ?"
    return int(bulk.query_frame(sql, number, schema=pl.Schema({"run": pl.Int64()}))["run"].item())


def diff_verdicts(before: pl.DataFrame, after: pl.DataFrame) -> VerdictChange:
    """Return how verdicts change from `before` to `after`; scores do not count."""
    before, after = before.select(VERDICT_ROW.names()), after.select(VERDICT_ROW.names())
    if before.is_empty():  # of a first release all is new, without a hash of it
        return VerdictChange(after, before)
    gone, new = find_unmatched_rows(before, after)
    return VerdictChange(after.filter(new), before.filter(gone))


def apply_change(before: pl.DataFrame, change: VerdictChange) -> pl.DataFrame:
    """Return the verdicts that a change makes of those before it."""
    stays = exclude_rows(before, change.old, _KEY)
    return pl.concat([stays, change.new.select(before.columns)])


def next_release(
    book: LedgerWriter, past: Release | None, change: VerdictChange, cause: str
) -> Release:
    """Return the release that a change makes of the one in force, with its counts."""
    return Release(
        number=past.number + 1 if past else 1,
        created=current_timestamp(),
        cause=cause,
        blocked=(past.blocked if past else 0) + change.net_count(Verdict.BLOCK),
        held=(past.held if past else 0) + change.net_count(Verdict.HOLD),
        added=change.added_blocks.height,
        removed=change.removed_blocks.height,
        who=book.author,
        run=book.run_id,
        basis=book.run_id,
    )


def publish_release(
    book: LedgerWriter, new: Release, change: VerdictChange, *, pinned: bool = False
) -> None:
    """Make a change the release `new`, in one transaction, and pin it if told.

    A candidate is then out of date.
    """
    with BulkTransaction(book.database) as bulk:
        if pinned:
            pin_release(bulk, book, new.number, new.reason or "")
        bulk.append_rows("release", pl.DataFrame([release_row(book, new)]))
        end_rows(bulk, VERDICT_TABLE, _find_held_rows(bulk, change.old), new.number)
        store_rows(bulk, VERDICT_TABLE, change.new.select(VERDICT_ROW.names()), since=new.number)
        delete_candidate_rows(bulk)


def _find_held_rows(bulk: BulkTransaction, old: pl.DataFrame) -> pl.DataFrame:
    """Return what holds of these verdicts, and since when."""
    if old.is_empty():
        return old
    parts = rows_at(bulk, VERDICT_TABLE)
    return pl.concat(part.join(old.select(_KEY), on=_KEY, how="semi") for part in parts)


def delete_candidate_rows(bulk: BulkTransaction) -> None:
    """Forget what the gate held (`ledger.candidate`), for it is a difference to the past."""
    for table in ("candidate", "candidate_verdict"):
        bulk.execute(f"DELETE FROM {table}")


def release_row(book: LedgerWriter, new: Release) -> dict[str, object]:
    """Return the columns of a release's row."""
    names = {one.name for one in fields(new)} - {"who", "run"}
    row: dict[str, object] = {name: getattr(new, name) for name in sorted(names)}
    told = {name: json.dumps(row[name]) for name in ("feeds", "categories")}
    row |= {**told, "pruned": int(new.pruned), "run_id": book.run_id}
    # A column of nothing but nulls has no type.
    return {name: value for name, value in row.items() if value is not None}
