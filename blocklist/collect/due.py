"""When a feed is to be fetched again, and when its last good is stale."""

import re
from datetime import UTC, datetime, timedelta

from blocklist.catalogue import Feed
from blocklist.collect.fetch import is_remote
from blocklist.ledger.health import FeedHealth
from blocklist.model import FeedState

_UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}
#: What a feed that says nothing is taken to mean, when it comes to how old its last good may be.
_USUAL = timedelta(days=1)
_STALE_AFTER = 3
# A list may ask to be left alone so long and no longer.
_LEAST, _MOST = 3600, 14 * 86400
# A job that runs each hour starts a second early now and then.
_EARLY = timedelta(minutes=5)
_GOOD = (FeedState.FRESH, FeedState.UNCHANGED)

# uBlock and Adblock Plus: `! Expires: 4 days (update frequency)`; days where no unit stands.
_EXPIRES = re.compile(
    rb"^[!#;]+\s*expires\s*[:=]\s*(\d{1,4})\s*(minutes?|mins?|hours?|days?|weeks?|[mhdw])?\b",
    re.IGNORECASE | re.MULTILINE,
)
_HEADER = 4096


def expires(body: bytes) -> int | None:
    """Return for how many seconds a list asks to be left alone, within an hour and two weeks."""
    found = _EXPIRES.search(body[:_HEADER])
    if found is None or found[1].strip(b"0") == b"":
        return None
    unit = (found[2] or b"d")[:1].lower().decode()
    return min(max(int(found[1]) * _UNITS[unit], _LEAST), _MOST)


def interval(feed: Feed, health: FeedHealth) -> timedelta | None:
    """Return how often a feed wants to be fetched: as its TOML says, else as the list does."""
    if feed.interval:
        return timedelta(seconds=int(feed.interval[:-1]) * _UNITS[feed.interval[-1]])
    return None if health.expires is None else timedelta(seconds=health.expires)


def wait_until(feed: Feed, health: FeedHealth) -> datetime | None:
    """Return when a feed is due, None when it is due now; a file always is."""
    now = datetime.now(UTC)
    if not all(map(is_remote, feed.urls)):
        return None
    asked = _moment(health.retry_at)
    if asked is not None and now < asked:
        return asked
    every, good = interval(feed, health), _moment(health.good_at)
    if every is None or good is None or good > now or health.state not in _GOOD:
        return None
    due = good + every
    return due if now < due - min(every / 10, _EARLY) else None


def overdue(feed: Feed, health: FeedHealth) -> timedelta:
    """Return for how long the last good of a feed has been too old, zero when it is not."""
    good = _moment(health.good_at)
    every = interval(feed, health) or _USUAL
    late = timedelta() if good is None else datetime.now(UTC) - good - _STALE_AFTER * every
    return max(late, timedelta())


def failing(feed: Feed, health: FeedHealth, state: FeedState) -> FeedState:
    """Return `stale` in place of `failed` or `refused` when the last good is too old by now."""
    return FeedState.STALE if overdue(feed, health) else state


def age(health: FeedHealth) -> str:
    """Return in words how old the last good is."""
    good = _moment(health.good_at)
    if good is None:
        return "nothing good was ever had"
    minutes = int((datetime.now(UTC) - good).total_seconds() // 60)
    for unit, size in (("days", 1440), ("hours", 60), ("minutes", 1)):
        if minutes >= 2 * size:
            return f"last good {minutes // size} {unit} ago"
    return "last good just now"


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
