"""The gate: what must hold before a candidate replaces the release in force."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from blocklist.config import Config
from blocklist.ledger.candidate import Objection
from blocklist.ledger.health import FeedHealth
from blocklist.ledger.releases import Release, VerdictChange
from blocklist.release import budgets
from blocklist.release.sound import SOUND, unguarded


@dataclass(frozen=True)
class Case:
    """What the gate looks at."""

    config: Config
    healths: dict[str, FeedHealth]
    #: The release in force, or None for the first ever, which has no budget.
    past: Release | None
    candidate: Release
    #: What the candidate changes in the release in force.
    change: VerdictChange
    #: Values whose change a person meant, such as those of a feed that was just switched on.
    meant: pl.Series


def objections(case: Case) -> list[Objection]:
    """Return why the candidate must not be published as it is; none is a pass."""
    found = [Objection(text, final=True) for text in unguarded(case.config, case.healths)]
    found += map(Objection, _nothing_left(case))
    if case.past is not None:
        balance = budgets.unexplained(case.change, case.meant)
        gate, candidate = case.config.gate, case.candidate
        found += map(Objection, budgets.exceeded(gate, case.past, candidate, balance))
        found += map(Objection, _too_few_fresh(case) if balance else ())
    return found


def _nothing_left(case: Case) -> Iterator[str]:
    if case.candidate.blocked:
        return
    nobody = pl.Series([], dtype=pl.String)
    gone = budgets.unexplained(case.change, nobody).removed.height
    failed = _failing(case)
    if gone:
        yield f"the candidate blocks nothing; {gone:,} are blocked now"
    elif failed:
        yield f"the candidate blocks nothing, for these feeds failed: {', '.join(failed)}"


def _too_few_fresh(case: Case) -> Iterator[str]:
    failed, every = _failing(case), [feed for feed in case.config.feeds.values() if feed.enabled]
    least = case.config.gate.min_fresh
    if len(every) - len(failed) < least * len(every):
        yield (
            f"only {len(every) - len(failed)} of {len(every)} feeds are fresh; gate.min_fresh is "
            f"{least:g}; failing: {', '.join(failed)}"
        )


def _failing(case: Case) -> list[str]:
    enabled = [feed.name for feed in case.config.feeds.values() if feed.enabled]
    known = case.healths
    return [name for name in enabled if name in known and known[name].state not in SOUND]
