"""Schedule feeds: feed settings and health -> next fetch time, staleness, failure state."""

import re
from datetime import UTC, datetime, timedelta

from blocklist.config.feeds import Feed
from blocklist.fetch.types import is_remote_url
from blocklist.ledger.feeds.health import FeedHealth
from blocklist.model import FeedState

_UNIT_SECONDS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}
#: What a feed that says nothing is taken to mean, when it comes to how old its last good may be.
_DEFAULT_INTERVAL = timedelta(days=1)
_STALE_AFTER_INTERVALS = 3
# A list may ask to be left alone so long and no longer.
_MIN_EXPIRES, _MAX_EXPIRES = 3600, 14 * 86400
# A job that runs each hour starts a second early now and then.
_EARLY_TOLERANCE = timedelta(minutes=5)

# uBlock and Adblock Plus: `! Expires: 4 days (update frequency)`; days where no unit stands.
_EXPIRES_LINE = re.compile(
    rb"^[!#;]+\s*expires\s*[:=]\s*(\d{1,4})\s*(minutes?|mins?|hours?|days?|weeks?|[mhdw])?\b",
    re.IGNORECASE | re.MULTILINE,
)
_HEADER_BYTES = 4096


def parse_expires(body: bytes) -> int | None:
    """Return for how many seconds a list asks to be left alone, within an hour and two weeks."""
    found = _EXPIRES_LINE.search(body[:_HEADER_BYTES])
    if found is None or found[1].strip(b"0") == b"":
        return None
    unit = (found[2] or b"d")[:1].lower().decode()
    return min(max(int(found[1]) * _UNIT_SECONDS[unit], _MIN_EXPIRES), _MAX_EXPIRES)


def fetch_interval(feed: Feed, health: FeedHealth) -> timedelta | None:
    """Return how often a feed wants to be fetched: as its TOML says, else as the list does."""
    if feed.interval:
        return timedelta(seconds=int(feed.interval[:-1]) * _UNIT_SECONDS[feed.interval[-1]])
    return None if health.expires is None else timedelta(seconds=health.expires)


def next_fetch_time(feed: Feed, health: FeedHealth) -> datetime | None:
    """Return when a feed is due, None when it is due now; a file always is."""
    now = datetime.now(UTC)
    if not all(map(is_remote_url, feed.urls)):
        return None
    asked = _parse_time(health.retry_at)
    if asked is not None and now < asked:
        return asked
    every, good = fetch_interval(feed, health), _parse_time(health.good_at)
    if every is None or good is None or good > now or not health.state.is_good:
        return None
    due = good + every
    return due if now < due - min(every / 10, _EARLY_TOLERANCE) else None


def stale_duration(feed: Feed, health: FeedHealth) -> timedelta:
    """Return for how long the last good of a feed has been too old, zero when it is not."""
    good = _parse_time(health.good_at)
    every = fetch_interval(feed, health) or _DEFAULT_INTERVAL
    late = (
        timedelta() if good is None else datetime.now(UTC) - good - _STALE_AFTER_INTERVALS * every
    )
    return max(late, timedelta())


def failure_state(feed: Feed, health: FeedHealth, state: FeedState) -> FeedState:
    """Return `stale` in place of `failed` or `refused` when the last good is too old by now."""
    return FeedState.STALE if stale_duration(feed, health) else state


def describe_age(health: FeedHealth) -> str:
    """Return in words how old the last good is."""
    good = _parse_time(health.good_at)
    if good is None:
        return "nothing good was ever had"
    minutes = int((datetime.now(UTC) - good).total_seconds() // 60)
    for unit, size in (("days", 1440), ("hours", 60), ("minutes", 1)):
        if minutes >= 2 * size:
            return f"last good {minutes // size} {unit} ago"
    return "last good just now"


def _parse_time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
