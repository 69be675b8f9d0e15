"""Liveness of a domain over time: earlier state and a look -> new state and next due time.

A domain is dead after several looks over several days that found it gone, each confirmed by two
resolvers. Failures and timeouts change nothing. One answer makes a dead domain alive again.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from blocklist.model import Liveness

#: Hours until the next look: after a change, at most, at most for dead domains, after no answer.
_FIRST_PAUSE, _MAX_PAUSE, _MAX_DEAD_PAUSE, _RETRY_PAUSE = 24, 14 * 24, 28 * 24, 6


class LookResult(StrEnum):
    """The result of looking up a domain: it exists, it is gone, or there was no answer."""

    EXISTS = "exists"
    GONE = "gone"
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class DeadDomainRule:
    """The number of looks and of days that must find a domain gone before it is dead."""

    looks: int = 3
    days: int = 7


@dataclass(frozen=True, slots=True)
class DomainState:
    """The state of a domain: `gone_looks` looks in a row since `gone_since` found it gone."""

    liveness: Liveness
    #: The time of the last change of the liveness.
    since: datetime
    due: datetime
    #: The hours between the last look and the next.
    pause_hours: int
    gone_looks: int = 0
    gone_since: datetime | None = None


def update_domain_state(
    before: DomainState | None,
    look_result: LookResult,
    liveness: Liveness,
    now: datetime,
    rule: DeadDomainRule,
) -> DomainState:
    """Return the state of a domain after a look; `liveness` is its state if it exists."""
    if before is None:
        before = DomainState(Liveness.UNKNOWN, now, now, 0)
    match look_result:
        case LookResult.UNANSWERED:
            return _schedule_next_look(
                before, max(_RETRY_PAUSE, min(before.pause_hours, _FIRST_PAUSE)), now
            )
        case LookResult.GONE:
            return _mark_gone(before, now, rule)
        case LookResult.EXISTS:
            return _mark_existing(before, liveness, now)


def _mark_existing(before: DomainState, liveness: Liveness, now: datetime) -> DomainState:
    state = replace(before, liveness=liveness, gone_looks=0, gone_since=None)
    if before.liveness is liveness:
        return _schedule_next_look(
            state, min(max(_FIRST_PAUSE, 2 * before.pause_hours), _MAX_PAUSE), now
        )
    returned = before.liveness is Liveness.DEAD
    return _schedule_next_look(
        replace(state, since=now), _RETRY_PAUSE if returned else _FIRST_PAUSE, now
    )


def _mark_gone(before: DomainState, now: datetime, rule: DeadDomainRule) -> DomainState:
    if before.liveness is Liveness.DEAD:
        return _schedule_next_look(
            before, min(max(_FIRST_PAUSE, 2 * before.pause_hours), _MAX_DEAD_PAUSE), now
        )
    since = before.gone_since
    if since is None or since > now:  # the clock went back, so earlier looks do not count
        since, looks = now, 1
    else:
        looks = before.gone_looks + 1
    state = replace(before, gone_looks=looks, gone_since=since)
    if looks >= rule.looks and now - since >= timedelta(days=rule.days):
        return _schedule_next_look(
            replace(state, liveness=Liveness.DEAD, since=now), _FIRST_PAUSE, now
        )
    return _schedule_next_look(state, max(1, rule.days * 24 // max(1, rule.looks - 1)), now)


def _schedule_next_look(state: DomainState, hours: int, now: datetime) -> DomainState:
    return replace(state, due=now + timedelta(hours=hours), pause_hours=hours)


#: A due time further ahead was written under a wrong clock.
MAX_DUE_AHEAD = timedelta(hours=_MAX_DEAD_PAUSE)
