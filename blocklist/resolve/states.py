"""From looks at a domain to its state, with hysteresis, and when it is looked at again.

A domain is dead when so many looks over so many days found it gone, each look by two resolvers.
Whoever fails or is silent says nothing, and nothing changes. One answer brings a dead domain back.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from blocklist.model import Liveness

#: Hours between looks: after a change, at most, at most for the dead, after a look in vain.
_FIRST, _LONGEST, _LONGEST_DEAD, _AGAIN = 24, 14 * 24, 28 * 24, 6


class Look(StrEnum):
    """What a look at a domain found: it is there, it is gone, or nobody said."""

    THERE = "there"
    GONE = "gone"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Rule:
    """How many looks over how many days must find a domain gone before it is dead."""

    looks: int = 3
    days: int = 7


@dataclass(frozen=True, slots=True)
class Standing:
    """How a domain stands: `gone` looks in a row since `gone_since` found it gone."""

    state: Liveness
    #: Since when it is in this state.
    since: datetime
    due: datetime
    #: How many hours lie between the last look and the next.
    pause: int
    gone: int = 0
    gone_since: datetime | None = None


def after(
    before: Standing | None, look: Look, here: Liveness, now: datetime, rule: Rule
) -> Standing:
    """Return how a domain stands after a look; `here` is what it is if the look found it there."""
    if before is None:
        before = Standing(Liveness.UNKNOWN, now, now, 0)
    match look:
        case Look.SILENT:
            return _paused(before, max(_AGAIN, min(before.pause, _FIRST)), now)
        case Look.GONE:
            return _gone(before, now, rule)
        case Look.THERE:
            return _there(before, here, now)


def _there(before: Standing, here: Liveness, now: datetime) -> Standing:
    found = replace(before, state=here, gone=0, gone_since=None)
    if before.state is here:
        return _paused(found, min(max(_FIRST, 2 * before.pause), _LONGEST), now)
    returned = before.state is Liveness.DEAD
    return _paused(replace(found, since=now), _AGAIN if returned else _FIRST, now)


def _gone(before: Standing, now: datetime, rule: Rule) -> Standing:
    if before.state is Liveness.DEAD:
        return _paused(before, min(max(_FIRST, 2 * before.pause), _LONGEST_DEAD), now)
    since = before.gone_since
    if since is None or since > now:  # the clock went back: what it said before counts for nothing
        since, looks = now, 1
    else:
        looks = before.gone + 1
    found = replace(before, gone=looks, gone_since=since)
    if looks >= rule.looks and now - since >= timedelta(days=rule.days):
        return _paused(replace(found, state=Liveness.DEAD, since=now), _FIRST, now)
    return _paused(found, max(1, rule.days * 24 // max(1, rule.looks - 1)), now)


def _paused(standing: Standing, hours: int, now: datetime) -> Standing:
    return replace(standing, due=now + timedelta(hours=hours), pause=hours)


#: A due time further ahead than this was written by a clock that was wrong.
FURTHEST = timedelta(hours=_LONGEST_DEAD)
