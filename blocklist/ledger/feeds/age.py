"""Age of a feed: settings and health -> fetch interval, overdue time, age in words."""

from datetime import UTC, datetime, timedelta

from blocklist.config.feeds import Feed
from blocklist.ledger.feeds.health import FeedHealth

#: Seconds of each unit in an interval such as `6h`.
UNIT_SECONDS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}
#: The assumed interval of a feed that states none.
_DEFAULT_INTERVAL = timedelta(days=1)
_OVERDUE_AFTER_INTERVALS = 3


def fetch_interval(feed: Feed, health: FeedHealth) -> timedelta | None:
    """Return how often to fetch a feed: as its TOML says, or else as the list itself asks."""
    if feed.interval:
        return timedelta(seconds=int(feed.interval[:-1]) * UNIT_SECONDS[feed.interval[-1]])
    return None if health.expires is None else timedelta(seconds=health.expires)


def overdue_time(feed: Feed, health: FeedHealth) -> timedelta:
    """Return for how long the last good fetch has been too old; zero if it is not."""
    good_at = parse_optional_time(health.good_at)
    if good_at is None:
        return timedelta()
    interval = fetch_interval(feed, health) or _DEFAULT_INTERVAL
    overdue = datetime.now(UTC) - good_at - _OVERDUE_AFTER_INTERVALS * interval
    return max(overdue, timedelta())


def describe_age(health: FeedHealth) -> str:
    """Return the age of the last good fetch in words."""
    good_at = parse_optional_time(health.good_at)
    if good_at is None:
        return "never fetched successfully"
    minutes = int((datetime.now(UTC) - good_at).total_seconds() // 60)
    for unit, size in (("days", 1440), ("hours", 60), ("minutes", 1)):
        if minutes >= 2 * size:
            return f"last good {minutes // size} {unit} ago"
    return "last good just now"


def parse_optional_time(text: str | None) -> datetime | None:
    """Return a timestamp of the ledger as a datetime, or None for None."""
    return datetime.fromisoformat(text) if text else None
