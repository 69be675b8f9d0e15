"""Budgets of the gate: a change -> its unintended part and the limits that it exceeds."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from blocklist.config.sections import GateConfig
from blocklist.frames.diff import count_distinct
from blocklist.ledger.releases.history import Release
from blocklist.ledger.releases.verdicts import VerdictChange
from blocklist.model import Reason, Verdict

_GUARD_REASONS = [Reason.PROTECTED.value, Reason.POPULAR.value, Reason.SHARED_HOST.value]


@dataclass(frozen=True)
class UnintendedChange:
    """The unintended new and removed blocks, and the new ones that were guarded before."""

    added: pl.DataFrame
    removed: pl.DataFrame
    formerly_guarded: pl.DataFrame

    def __bool__(self) -> bool:
        return not (self.added.is_empty() and self.removed.is_empty())


def select_operator_values(change: VerdictChange) -> pl.Series:
    """Return the values for which an entry of the operator was added or ended."""
    by_operator = pl.col("reason") == Reason.OPERATOR.value
    return pl.concat([part.filter(by_operator)["value"] for part in (change.new, change.old)])


def find_unintended_change(change: VerdictChange, intended_values: pl.Series) -> UnintendedChange:
    """Return the part of a change that no person intended.

    The operator's own changes are intended, and so are those of `intended_values`.
    """
    explained = pl.concat([intended_values, select_operator_values(change)]).to_frame("value")
    guarded_rows = change.old.filter(pl.col("reason").cast(pl.String).is_in(_GUARD_REASONS))
    added = change.added_blocks.join(explained, on="value", how="anti")
    return UnintendedChange(
        added=added,
        removed=change.removed_blocks.join(explained, on="value", how="anti"),
        formerly_guarded=added.join(guarded_rows, on="value", how="semi"),
    )


def count_blocked_by_category(
    listings: pl.DataFrame, verdicts: pl.DataFrame, categories: dict[str, str]
) -> dict[str, int]:
    """Return the number of blocked indicators that feeds of each category list.

    `verdicts` covers all listings.
    """
    if listings.is_empty():
        return {}
    names = sorted(set(categories.values()))
    category = pl.col("feed").replace_strict(categories, return_dtype=pl.Enum(names))
    # A set of the few unblocked values is much faster than one of the blocked values.
    blocked = listings.filter(~pl.col("value").is_in(_select_unblocked(verdicts).implode()))
    listed = blocked.select(category.alias("category"), hash=pl.col("value").hash())
    counts = {name: count_distinct(listed.filter(category=name)["hash"]) for name in names}
    return {name: count for name, count in counts.items() if count}


def _select_unblocked(verdicts: pl.DataFrame) -> pl.Series:
    """Return the values that no verdict blocks."""
    is_block = pl.col("verdict") == Verdict.BLOCK.value
    others = verdicts.filter(~is_block)["value"]
    also_blocked = verdicts.filter(is_block, pl.col("value").is_in(others.implode()))["value"]
    return others.filter(~others.is_in(also_blocked.implode()))


def find_exceeded_budgets(
    limits: GateConfig, current: Release, candidate: Release, change: UnintendedChange
) -> Iterator[str]:
    """Yield a sentence for each budget that a candidate exceeds."""
    for key, part, text in (
        ("max_added", change.added, "would be added to"),
        ("max_removed", change.removed, "would be removed from"),
    ):
        limit, count = getattr(limits, key), part.height
        # A release that blocks nothing gives no measure of what may come.
        if current.blocked and count > max(limit * current.blocked, limits.always):
            share = _format_share(count, current.blocked)
            yield (
                f"{count:,} blocks {text} {current.blocked:,}{share}; the limit is "
                f"gate.{key} = {limit:g}"
            )
    if change and candidate.blocked > limits.max_total:
        yield (
            f"{candidate.blocked:,} entries would be blocked; the limit is "
            f"gate.max_total = {limits.max_total}"
        )
    if change.formerly_guarded.height > limits.max_unguarded:
        names = ", ".join(change.formerly_guarded["value"].sort().head(3))
        yield (
            f"{change.formerly_guarded.height:,} names would be blocked because a guard list "
            f"no longer has them, such as {names}; the limit is "
            f"gate.max_unguarded = {limits.max_unguarded}"
        )
    yield from _find_exceeded_categories(limits, current, candidate, change)


def _find_exceeded_categories(
    limits: GateConfig, current: Release, candidate: Release, change: UnintendedChange
) -> Iterator[str]:
    for category in sorted({*current.categories, *candidate.categories}):
        before, after = (release.categories.get(category, 0) for release in (current, candidate))
        if not before:  # without a previous count there is no limit
            continue
        has_grown = after > before
        key = "max_category_added" if has_grown else "max_category_removed"
        limit, count = getattr(limits, key), abs(after - before)
        # The intended part of the change may be the cause.
        max_unintended = (change.added if has_grown else change.removed).height
        if min(count, max_unintended) > max(limit * before, limits.always):
            verb = "grow" if has_grown else "shrink"
            yield (
                f"{category} would {verb} from {before:,} to {after:,} blocked"
                f"{_format_share(count, before)}; the limit is gate.{key} = {limit:g}"
            )


def _format_share(count: int, total: int) -> str:
    return f" ({count / total:.0%})" if total else ""
