"""The gate: a candidate and its change -> objections; none means that it may be published."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from blocklist.config.loader import Config
from blocklist.ledger.feeds.health import FeedHealth
from blocklist.ledger.releases.candidate import Objection
from blocklist.ledger.releases.history import Release
from blocklist.ledger.releases.verdicts import VerdictChange
from blocklist.release.gate.budgets import find_exceeded_budgets, find_unintended_change
from blocklist.release.gate.guard_health import find_guard_faults


@dataclass(frozen=True)
class GateInput:
    """What the gate looks at."""

    config: Config
    healths: dict[str, FeedHealth]
    #: The release in force, or None for the first ever, which has no budget.
    current_release: Release | None
    candidate: Release
    #: What the candidate changes in the release in force.
    change: VerdictChange
    #: Values whose change a person meant, such as those of a feed that was just switched on.
    intended_values: pl.Series


def find_objections(case: GateInput) -> list[Objection]:
    """Return why the candidate must not be published as it is; none is a pass."""
    found = [Objection(text, final=True) for text in find_guard_faults(case.config, case.healths)]
    found += map(Objection, _check_blocks_remain(case))
    if case.current_release is not None:
        balance = find_unintended_change(case.change, case.intended_values)
        gate, candidate = case.config.gate, case.candidate
        found += map(
            Objection, find_exceeded_budgets(gate, case.current_release, candidate, balance)
        )
        found += map(Objection, _check_fresh_feeds(case) if balance else ())
    return found


def _check_blocks_remain(case: GateInput) -> Iterator[str]:
    if case.candidate.blocked:
        return
    nobody = pl.Series([], dtype=pl.String)
    gone = find_unintended_change(case.change, nobody).removed.height
    failed = _list_failing_feeds(case)
    if gone:
        yield f"the candidate blocks nothing; {gone:,} are blocked now"
    elif failed:
        yield f"the candidate blocks nothing, for these feeds failed: {', '.join(failed)}"


def _check_fresh_feeds(case: GateInput) -> Iterator[str]:
    failed, every = (
        _list_failing_feeds(case),
        [feed for feed in case.config.feeds.values() if feed.enabled],
    )
    least = case.config.gate.min_fresh
    if len(every) - len(failed) < least * len(every):
        yield (
            f"only {len(every) - len(failed)} of {len(every)} feeds are fresh; gate.min_fresh is "
            f"{least:g}; failing: {', '.join(failed)}"
        )


def _list_failing_feeds(case: GateInput) -> list[str]:
    enabled = [feed.name for feed in case.config.feeds.values() if feed.enabled]
    known = case.healths
    return [name for name in enabled if name in known and not known[name].state.is_good]
