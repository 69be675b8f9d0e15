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
    """All inputs of the gate."""

    config: Config
    healths: dict[str, FeedHealth]
    #: The current release; None before the first one, to which no budget applies.
    current_release: Release | None
    candidate: Release
    #: The changes of the candidate to the current release.
    change: VerdictChange
    #: Values whose change a person intended, such as those of a newly enabled feed.
    intended_values: pl.Series


def find_objections(gate_input: GateInput) -> list[Objection]:
    """Return the objections to publishing the candidate; an empty list is a pass."""
    objections = [
        Objection(text, final=True)
        for text in find_guard_faults(gate_input.config, gate_input.healths)
    ]
    objections += map(Objection, _check_blocks_remain(gate_input))
    if gate_input.current_release is not None:
        unintended = find_unintended_change(gate_input.change, gate_input.intended_values)
        limits, candidate = gate_input.config.gate, gate_input.candidate
        objections += map(
            Objection,
            find_exceeded_budgets(limits, gate_input.current_release, candidate, unintended),
        )
        objections += map(Objection, _check_fresh_feeds(gate_input) if unintended else ())
    return objections


def _check_blocks_remain(gate_input: GateInput) -> Iterator[str]:
    if gate_input.candidate.blocked:
        return
    no_values = pl.Series([], dtype=pl.String)
    removed = find_unintended_change(gate_input.change, no_values).removed.height
    failed = _list_failing_feeds(gate_input)
    if removed:
        yield f"the new list would block nothing, and {removed:,} entries are blocked now"
    elif failed:
        names = ", ".join(failed)
        yield f"the new list would block nothing, because these feeds failed: {names}"
    elif gate_input.current_release is None and not gate_input.change:
        why = _explain_nothing(gate_input)
        yield f"there is nothing to publish: {why}"


def _explain_nothing(gate_input: GateInput) -> str:
    enabled = [feed.name for feed in gate_input.config.feeds.values() if feed.enabled]
    if any(name in gate_input.healths for name in enabled):
        return "no feed lists anything"
    return "no feed was fetched yet. To fetch them: blocklist run"


def _check_fresh_feeds(gate_input: GateInput) -> Iterator[str]:
    failed = _list_failing_feeds(gate_input)
    total = sum(feed.enabled for feed in gate_input.config.feeds.values())
    fresh, min_share = total - len(failed), gate_input.config.gate.min_fresh
    if fresh < min_share * total:
        yield (
            f"only {fresh} of {total} feeds are up to date (these failed: {', '.join(failed)}); "
            f"the limit is gate.min_fresh = {min_share:g}"
        )


def _list_failing_feeds(gate_input: GateInput) -> list[str]:
    enabled = [feed.name for feed in gate_input.config.feeds.values() if feed.enabled]
    healths = gate_input.healths
    return [name for name in enabled if name in healths and not healths[name].state.is_good]
