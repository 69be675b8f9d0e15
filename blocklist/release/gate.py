"""The gate: what must hold before a candidate replaces the release in force."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from blocklist.config import Config
from blocklist.ledger import times
from blocklist.ledger.candidate import Objection
from blocklist.ledger.health import FeedHealth
from blocklist.ledger.releases import Change, Release
from blocklist.model import FeedState
from blocklist.release import budgets

_SOUND = (FeedState.FRESH, FeedState.UNCHANGED)


@dataclass(frozen=True)
class Case:
    """What the gate looks at."""

    config: Config
    healths: dict[str, FeedHealth]
    #: The release in force, or None for the first ever, which has no budget.
    past: Release | None
    candidate: Release
    #: What the candidate changes in the release in force.
    change: Change
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


def unguarded(config: Config, healths: dict[str, FeedHealth]) -> list[str]:
    """Return which mandatory guards are missing, failed, empty or out of date, and how."""
    guards = [guard for guard in config.guards.values() if guard.enabled and guard.mandatory]
    days = config.gate.max_guard_days
    faults = [(guard.name, _fault(healths.get(guard.name), days)) for guard in guards]
    return [f"guard {name} is mandatory and {fault}" for name, fault in faults if fault]


def _fault(health: FeedHealth | None, days: int) -> str | None:
    if health is None or health.state is FeedState.NEVER:
        return "was never collected; run update"
    if health.state not in _SOUND:
        return f"{health.state}: {health.cause}"
    if not health.entries:
        return "lists nothing"
    if _old(health.good_at, days):
        return f"was last good on {health.good_at}; run update"
    return None


def _old(good_at: str | None, days: int) -> bool:
    oldest = times.text(datetime.now(UTC) - timedelta(days=days))
    return good_at is not None and good_at < oldest


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
    return [name for name in enabled if name in known and known[name].state not in _SOUND]
