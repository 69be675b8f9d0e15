"""Store and read the verdicts of releases: change -> release; release number -> frames.

Each release is stored as the difference to the one before, as intervals of verdicts.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from itertools import chain

import polars as pl

from blocklist.errors import StaleRelease
from blocklist.frames.diff import exclude_rows, find_unmatched_rows
from blocklist.frames.schemas import RELEASE, VERDICTS
from blocklist.ledger.db.codes import code_of
from blocklist.ledger.db.timestamps import current_timestamp
from blocklist.ledger.db.transaction import Transaction
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.releases.history import Release
from blocklist.ledger.releases.pins import find_release_pin, pin_release
from blocklist.ledger.temporal.deletion_vectors import end_rows
from blocklist.ledger.temporal.intervals import rows_at, rows_ended, rows_ever
from blocklist.ledger.temporal.packs import VERDICT_TABLE, store_rows
from blocklist.ledger.temporal.search import MAX_SEARCHED_TEXTS, rows_containing
from blocklist.model import Kind, Reason, Verdict

# Without the score, which changes from day to day without changing the verdict.
VERDICT_ROW = pl.Schema({name: dtype for name, dtype in VERDICTS.items() if name != "score"})
_EXPORT_COLUMNS = ["kind", "value", "scope", "verdict"]
_KEY = ["value", "scope"]
_BLOCK, _HOLD, _ALLOW = map(code_of, (Verdict.BLOCK, Verdict.HOLD, Verdict.ALLOW))
_URL_ONLY, _OPERATOR = code_of(Reason.URL_ONLY), code_of(Reason.OPERATOR)
#: The verdicts that exports carry: blocks, and operator entries that limit them.
EXPORTED_FILTER = f"(verdict = {_BLOCK} OR verdict IN ({_ALLOW}, {_HOLD}) AND reason = {_OPERATOR})"


@dataclass(frozen=True, slots=True)
class VerdictChange:
    """A difference between verdicts: new or changed ones, and ended ones."""

    new: pl.DataFrame
    old: pl.DataFrame

    def __bool__(self) -> bool:
        return not (self.new.is_empty() and self.old.is_empty())

    @property
    def added_blocks(self) -> pl.DataFrame:
        """The blocks that are new."""
        return _subtract_blocks(self.new, self.old)

    @property
    def removed_blocks(self) -> pl.DataFrame:
        """The blocks that end."""
        return _subtract_blocks(self.old, self.new)

    def split_by_values(self, values: pl.Series) -> "tuple[VerdictChange, VerdictChange]":
        """Return the part about these values, and the rest."""
        wanted = values.to_frame("value")
        part, rest = (
            VerdictChange(
                *(rows.join(wanted, on="value", how=how) for rows in (self.new, self.old))
            )
            for how in ("semi", "anti")
        )
        return part, rest

    def net_count(self, verdict: Verdict) -> int:
        """Return by how much the number of verdicts of a kind grows."""
        return sum(
            sign * int((part["verdict"] == verdict.value).sum())
            for sign, part in ((1, self.new), (-1, self.old))
        )


def _filter_blocks(verdicts: pl.DataFrame) -> pl.DataFrame:
    return verdicts.filter(pl.col("verdict") == Verdict.BLOCK.value)


def _subtract_blocks(verdicts: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """Return the blocks that are not among the blocks of others."""
    if verdicts.is_empty() or others.is_empty():  # such as in a first release, which has millions
        return _filter_blocks(verdicts)
    return _filter_blocks(verdicts).join(_filter_blocks(others), on=_KEY, how="anti")


def current_verdicts(transaction: Transaction) -> pl.DataFrame:
    """Return the verdicts of the current release."""
    return _select_verdicts(transaction, VERDICT_ROW.names())


def verdicts_at(transaction: Transaction, number: int) -> pl.DataFrame:
    """Return the verdicts of a release that is not pruned."""
    return _select_verdicts(transaction, VERDICT_ROW.names(), at=number)


def _select_verdicts(
    transaction: Transaction, columns: list[str], where: str = "true", at: int | None = None
) -> pl.DataFrame:
    """Return columns of the verdicts of the current release, or of the release `at`."""
    parts = rows_at(transaction, VERDICT_TABLE, where, at=at)
    return pl.concat(part.select(columns) for part in parts)


def verdicts_for(
    transaction: Transaction, values: pl.Series, number: int | None = None
) -> pl.DataFrame:
    """Return the verdicts on exactly these values in the current release, or in a past one."""
    parts = rows_at(transaction, VERDICT_TABLE, at=number)
    wanted = values.alias("value").to_frame()
    return pl.concat(
        part.select(VERDICT_ROW.names()).join(wanted, on="value", how="semi") for part in parts
    )


_GUARD_REASONS = (Reason.PROTECTED, Reason.POPULAR, Reason.SHARED_HOST)


def guarded_values(transaction: Transaction) -> pl.Series:
    """Return the values that guards keep from being blocked in the current release."""
    reasons = ", ".join(str(code_of(reason)) for reason in _GUARD_REASONS)
    return _select_verdicts(transaction, ["value"], f"reason IN ({reasons})")["value"].unique()


def blocked_and_held_names(transaction: Transaction) -> pl.Series:
    """Return the names that the current release blocks or holds."""
    where = f"kind = {code_of(Kind.DOMAIN)} AND verdict IN ({_BLOCK}, {_HOLD})"
    return _select_verdicts(transaction, ["value"], where)["value"].unique()


def export_rows(transaction: Transaction, number: int | None = None) -> pl.DataFrame:
    """Return what a release (default: the current one) blocks and allows (schema `RELEASE`)."""
    return to_export_rows(_select_verdicts(transaction, _EXPORT_COLUMNS, EXPORTED_FILTER, number))


def to_export_rows(verdicts: pl.DataFrame) -> pl.DataFrame:
    """Return verdicts that exports carry with schema `RELEASE`.

    A hold by an operator entry becomes an allow, also below a block, until a person reviews it.
    """
    block, allow = (pl.lit(one.value, RELEASE["action"]) for one in (Verdict.BLOCK, Verdict.ALLOW))
    blocked = pl.col("verdict") == Verdict.BLOCK.value
    return verdicts.select(
        "kind", "value", "scope", action=pl.when(blocked).then(block).otherwise(allow)
    )


def held_urls(transaction: Transaction, number: int) -> pl.DataFrame:
    """Return the URLs that a release holds because DNS could only block their whole host."""
    held = f"verdict = {_HOLD} AND reason = {_URL_ONLY}"
    urls = _select_verdicts(transaction, ["kind", "value", "scope"], held, number)
    return urls.with_columns(action=pl.lit(Verdict.BLOCK.value, RELEASE["action"]))


def values_to_verify(transaction: Transaction, number: int, before: int | None) -> pl.DataFrame:
    """Return `kind` and `value` of the verdicts that the verification of an export must cover.

    These are the operator's, those that are not blocks, and those that changed since the release
    `before`.
    """
    columns = ["kind", "value"]
    kept = _select_verdicts(
        transaction, columns, f"(verdict <> {_BLOCK} OR reason = {_OPERATOR})", number
    )
    if before is None:
        return kept.unique()
    came = rows_ever(transaction, VERDICT_TABLE, "since > ? AND since <= ?", before, number)
    went = rows_ended(transaction, VERDICT_TABLE, "true", after=before, upto=number)
    return pl.concat([kept, *(part.select(columns) for part in chain(came, went))]).unique()


def list_changed_values(
    transaction: Transaction, kind: Kind, *, after: int, upto: int
) -> pl.Series:
    """Return the values of a kind whose verdicts changed after a release, up to another one."""
    where = f"kind = {code_of(kind)}"
    came = rows_ever(
        transaction, VERDICT_TABLE, f"{where} AND since > ? AND since <= ?", after, upto
    )
    went = rows_ended(transaction, VERDICT_TABLE, "true", after=after, upto=upto)
    ended = (part.filter(pl.col("kind") == kind.value) for part in went)
    values = [part["value"] for part in chain(came, ended)]
    return pl.concat(values).unique().sort()


def operator_blocks(transaction: Transaction, number: int) -> pl.Series:
    """Return the values that the operator blocks in a release."""
    where = f"verdict = {_BLOCK} AND reason = {_OPERATOR}"
    return _select_verdicts(transaction, ["value"], where, number)["value"]


def source_run(transaction: Transaction, number: int) -> int:
    """Return the run after whose listings a release was judged."""
    sql = "SELECT coalesce(basis, run_id) FROM release WHERE number = ?"
    return int(transaction.execute(sql, number).fetchone()[0])


def diff_verdicts(before: pl.DataFrame, after: pl.DataFrame) -> VerdictChange:
    """Return the difference from `before` to `after`, without scores."""
    before, after = before.select(VERDICT_ROW.names()), after.select(VERDICT_ROW.names())
    if before.is_empty():  # everything in a first release is new, without a comparison
        return VerdictChange(after, before)
    gone, new = find_unmatched_rows(before, after)
    return VerdictChange(after.filter(new), before.filter(gone))


def apply_change(before: pl.DataFrame, change: VerdictChange) -> pl.DataFrame:
    """Return the verdicts after a change of those before it."""
    stays = exclude_rows(before, change.old, _KEY)
    return pl.concat([stays, change.new.select(before.columns)])


def next_release(
    writer: LedgerWriter, past: Release | None, change: VerdictChange, cause: str
) -> Release:
    """Return the release that a change of the past one leads to, with its counts."""
    return Release(
        number=past.number + 1 if past else 1,
        created=current_timestamp(),
        cause=cause,
        blocked=(past.blocked if past else 0) + change.net_count(Verdict.BLOCK),
        held=(past.held if past else 0) + change.net_count(Verdict.HOLD),
        added=change.added_blocks.height,
        removed=change.removed_blocks.height,
        who=writer.author,
        run=writer.run_id,
        basis=writer.run_id,
    )


def publish_release(
    writer: LedgerWriter,
    new: Release,
    change: VerdictChange,
    *,
    pinned: bool = False,
    through_pin: bool = False,
    settle_candidate: Callable[[Transaction], None] | None = None,
) -> None:
    """Store a change as the release `new`, in one transaction; `pinned` also pins it.

    Raise `StaleRelease`, and store nothing, if the current release is not the one before `new`, or
    a person pinned it: then the change was computed from another state. `through_pin` publishes
    over a pin. The candidate is out of date then: it is deleted, unless `settle_candidate`, which
    is called before anything is stored, brings it up to date.
    """
    with writer.transaction() as transaction:
        require_current(transaction, new.number - 1)
        if not (pinned or through_pin) and find_release_pin(transaction.connection):
            raise StaleRelease(f"release {new.number - 1} was pinned meanwhile")
        if pinned:
            pin_release(transaction, writer, new.number, new.reason or "")
        (settle_candidate or delete_candidate_rows)(transaction)
        transaction.table("release").insert(release_row(writer, new))
        end_rows(transaction, VERDICT_TABLE, _find_stored_rows(transaction, change.old), new.number)
        store_rows(
            transaction, VERDICT_TABLE, change.new.select(VERDICT_ROW.names()), since=new.number
        )


def require_current(transaction: Transaction, number: int) -> None:
    """Raise `StaleRelease` unless the current release has this number (0: there is none)."""
    sql = "SELECT coalesce(max(number), 0) FROM release"
    (current,) = transaction.execute(sql).fetchone()
    if current != number:
        raise StaleRelease(f"release {current} was published meanwhile, in place of {number}")


def _find_stored_rows(transaction: Transaction, old: pl.DataFrame) -> pl.DataFrame:
    """Return the stored rows of these verdicts, with `since`."""
    if old.is_empty():
        return old
    values = old["value"].unique()
    parts = (
        iter([rows_containing(transaction, VERDICT_TABLE, values.to_list())])
        if values.len() <= MAX_SEARCHED_TEXTS
        else rows_at(transaction, VERDICT_TABLE)
    )
    return pl.concat(part.join(old.select(_KEY), on=_KEY, how="semi") for part in parts)


def delete_candidate_rows(transaction: Transaction) -> None:
    """Delete the candidate, which is stored as a difference from the current release."""
    for table in ("candidate", "candidate_verdict"):
        transaction.execute(f"DELETE FROM {table}")


def release_row(writer: LedgerWriter, new: Release) -> dict[str, object]:
    """Return the columns of a release's row."""
    names = {one.name for one in fields(new)} - {"who", "run"}
    row: dict[str, object] = {name: getattr(new, name) for name in sorted(names)}
    texts = {name: json.dumps(row[name]) for name in ("feeds", "categories")}
    return {**row, **texts, "pruned": int(new.pruned), "run_id": writer.run_id}
