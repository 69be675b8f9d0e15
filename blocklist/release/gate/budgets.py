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
    """What would come, what would go, and what of that which comes was guarded until now."""

    added: pl.DataFrame
    removed: pl.DataFrame
    formerly_guarded: pl.DataFrame

    def __bool__(self) -> bool:
        return not (self.added.is_empty() and self.removed.is_empty())


def select_operator_values(change: VerdictChange) -> pl.Series:
    """Return the values about which the operator's word changed: an entry came, or ended."""
    by_operator = pl.col("reason") == Reason.OPERATOR.value
    return pl.concat([part.filter(by_operator)["value"] for part in (change.new, change.old)])


def find_unintended_change(change: VerdictChange, meant: pl.Series) -> UnintendedChange:
    """Return what changes without anybody having meant it.

    What the operator decided is no accident, and neither are the `meant` values.
    """
    explained = pl.concat([meant, select_operator_values(change)]).to_frame("value")
    guarded = change.old.filter(pl.col("reason").cast(pl.String).is_in(_GUARD_REASONS))
    added = change.added_blocks.join(explained, on="value", how="anti")
    return UnintendedChange(
        added=added,
        removed=change.removed_blocks.join(explained, on="value", how="anti"),
        formerly_guarded=added.join(guarded, on="value", how="semi"),
    )


def count_blocked_by_category(
    listings: pl.DataFrame, judged: pl.DataFrame, categories: dict[str, str]
) -> dict[str, int]:
    """Return how many indicators are blocked that feeds of each category list.

    All that is listed is `judged`.
    """
    if listings.is_empty():
        return {}
    words = sorted(set(categories.values()))
    category = pl.col("feed").replace_strict(categories, return_dtype=pl.Enum(words))
    # The few that are spared make a set in a fraction of the time that the others would take.
    blocked = listings.filter(~pl.col("value").is_in(_select_unblocked(judged).implode()))
    listed = blocked.select(category.alias("category"), hash=pl.col("value").hash())
    counts = {word: count_distinct(listed.filter(category=word)["hash"]) for word in words}
    return {word: count for word, count in counts.items() if count}


def _select_unblocked(judged: pl.DataFrame) -> pl.Series:
    """Return the values that no verdict blocks."""
    blocks = pl.col("verdict") == Verdict.BLOCK.value
    others = judged.filter(~blocks)["value"]
    beside = judged.filter(blocks, pl.col("value").is_in(others.implode()))["value"]
    return others.filter(~others.is_in(beside.implode()))


def find_exceeded_budgets(
    gate: GateConfig, past: Release, candidate: Release, balance: UnintendedChange
) -> Iterator[str]:
    """Yield which budgets a candidate exceeds, in words for a person."""
    for key, part, does in (
        ("max_added", balance.added, "come"),
        ("max_removed", balance.removed, "go"),
    ):
        limit, count = getattr(gate, key), part.height
        if count > max(limit * past.blocked, gate.always):
            of = f"{past.blocked:,} blocked{_format_share(count, past.blocked)}"
            yield f"{count:,} would {does} of {of}; gate.{key} is {limit:g}"
    if balance and candidate.blocked > gate.max_total:
        yield f"{candidate.blocked:,} would be blocked; gate.max_total is {gate.max_total:,}"
    if balance.formerly_guarded.height > gate.max_unguarded:
        names = ", ".join(balance.formerly_guarded["value"].sort().head(3))
        yield (
            f"{balance.formerly_guarded.height:,} names would be blocked because a guard list "
            f"no longer has them, such as {names}; gate.max_unguarded is {gate.max_unguarded}"
        )
    yield from _find_exceeded_categories(gate, past, candidate, balance)


def _find_exceeded_categories(
    gate: GateConfig, past: Release, candidate: Release, balance: UnintendedChange
) -> Iterator[str]:
    for category in sorted({*past.categories, *candidate.categories}):
        before, after = (one.categories.get(category, 0) for one in (past, candidate))
        if not before:  # nothing to measure by: a category, or a release, that did not say
            continue
        grown = after > before
        key = "max_category_added" if grown else "max_category_removed"
        limit, count = getattr(gate, key), abs(after - before)
        # A change that somebody meant may explain it all.
        possible = (balance.added if grown else balance.removed).height
        if min(count, possible) > max(limit * before, gate.always):
            does = "grow" if grown else "shrink"
            yield (
                f"{category} would {does} from {before:,} to {after:,} blocked"
                f"{_format_share(count, before)}; gate.{key} is {limit:g}"
            )


def _format_share(count: int, of: int) -> str:
    return f" ({count / of:.0%})" if of else ""
