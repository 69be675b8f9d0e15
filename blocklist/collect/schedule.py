"""Schedule feeds: feed settings and health -> next fetch time and failure state."""

import re
from datetime import UTC, datetime, timedelta

from blocklist.config.feeds import Feed
from blocklist.fetch.types import hash_url, is_remote_url
from blocklist.ledger.feeds.age import (
    UNIT_SECONDS,
    fetch_interval,
    overdue_time,
    parse_optional_time,
)
from blocklist.ledger.feeds.health import FeedHealth
from blocklist.model import FeedState

# The bounds of an interval that a list itself asks for.
_MIN_EXPIRES, _MAX_EXPIRES = 3600, 14 * 86400
# An hourly job starts a second early now and then.
_EARLY_TOLERANCE = timedelta(minutes=5)

# uBlock and Adblock Plus: `! Expires: 4 days (update frequency)`; without a unit, days.
_EXPIRES_LINE = re.compile(
    rb"^[!#;]+\s*expires\s*[:=]\s*(\d{1,4})\s*(minutes?|mins?|hours?|days?|weeks?|[mhdw])?\b",
    re.IGNORECASE | re.MULTILINE,
)
_HEADER_BYTES = 4096


def parse_expires(body: bytes) -> int | None:
    """Return the fetch interval that a list asks for, in seconds, or None.

    The result is at least an hour and at most two weeks.
    """
    match = _EXPIRES_LINE.search(body[:_HEADER_BYTES])
    if match is None or match[1].strip(b"0") == b"":
        return None
    unit = (match[2] or b"d")[:1].lower().decode()
    return min(max(int(match[1]) * UNIT_SECONDS[unit], _MIN_EXPIRES), _MAX_EXPIRES)


def next_fetch_time(feed: Feed, health: FeedHealth) -> datetime | None:
    """Return when a feed is due, or None if it is due now.

    A local file is always due, and so is a feed whose URLs were all changed since its last answer.
    """
    now = datetime.now(UTC)
    if not all(map(is_remote_url, feed.urls)):
        return None
    source = health.validators.source
    if source is not None and source not in map(hash_url, feed.urls):
        return None
    retry_at = parse_optional_time(health.retry_at)
    if retry_at is not None and now < retry_at:
        return retry_at
    interval, good_at = fetch_interval(feed, health), parse_optional_time(health.good_at)
    if interval is None or good_at is None or good_at > now or not health.state.is_good:
        return None
    due = good_at + interval
    return due if now < due - min(interval / 10, _EARLY_TOLERANCE) else None


def failure_state(feed: Feed, health: FeedHealth, state: FeedState) -> FeedState:
    """Return `state`, or `stale` if the last good fetch is too old by now."""
    return FeedState.STALE if overdue_time(feed, health) else state
