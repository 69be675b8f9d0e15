"""Status of feeds and guards: configuration and ledger -> age, loss and unread lines of each."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from blocklist.config.feeds import Feed
from blocklist.config.loader import Config
from blocklist.ledger.db.timestamps import format_timestamp
from blocklist.ledger.feeds.age import describe_age, overdue_time
from blocklist.ledger.feeds.health import FeedHealth, load_feed_health, load_peak_counts
from blocklist.ledger.feeds.line_counts import LineCounts, load_line_counts
from blocklist.model import FeedState, GuardClass
from blocklist.release.gate.guard_health import find_guard_fault
from blocklist.status.durations import describe_duration
from blocklist.status.finding import Finding, fine, problem, warning

#: A feed has shrunk if it lost this share of its entries within so many days.
_SHRUNK_SHARE, _SHRUNK_DAYS = 0.5, 30


@dataclass(frozen=True, slots=True)
class FeedAge:
    """An enabled feed or guard, and how old and whole what is in force from it is."""

    name: str
    #: The kind of guard; None for a feed.
    guard: GuardClass | None
    state: FeedState
    #: Why the last update failed or was refused.
    cause: str | None
    entries: int
    #: When the feed was last good (ISO 8601, UTC); None if it never was.
    good_at: str | None
    #: For how long its last good snapshot has been too old; zero if it is not.
    overdue: timedelta
    #: Since when the feed is pinned.
    pinned: str | None
    #: The share of lines of the last good snapshot that were not read, 0 to 1.
    unread_share: float = 0.0
    #: The share of entries that it lost since its highest count in 30 days, 0 to 1.
    lost_share: float = 0.0


@dataclass(frozen=True, slots=True)
class _FeedState:
    """All that the ledger has on one feed."""

    feed: Feed
    health: FeedHealth | None
    lines: LineCounts | None
    peak: int

    def to_age(self) -> FeedAge:
        """Return the public part."""
        feed, health = self.feed, self.health
        if health is None:
            return FeedAge(feed.name, feed.guard, FeedState.NEVER, None, 0, None, timedelta(), None)
        return FeedAge(
            feed.name, feed.guard, health.state, health.cause, health.entries, health.good_at,
            overdue_time(feed, health), health.pinned,
            self.lines.unread_share if self.lines else 0.0,
            round(1 - health.entries / self.peak, 4) if self.peak > health.entries else 0.0,
        )  # fmt: skip


def load_feed_ages(
    config: Config, reader: sqlite3.Connection | None
) -> tuple[list[FeedAge], list[Finding]]:
    """Return the age of each enabled guard and feed, and a finding for each of its troubles."""
    states = _load_states(config, reader)
    ages, findings = [], []
    for state in states:
        age = state.to_age()
        ages.append(age)
        troubles = list(_find_troubles(config, state, age))
        findings += troubles or [_describe_good(state, age)]
    return ages, findings


def _load_states(config: Config, reader: sqlite3.Connection | None) -> list[_FeedState]:
    healths = load_feed_health(reader) if reader else {}
    lines = load_line_counts(reader) if reader else {}
    first = format_timestamp(datetime.now(UTC) - timedelta(days=_SHRUNK_DAYS))
    peaks = load_peak_counts(reader, first) if reader else {}
    return [
        _FeedState(feed, healths.get(feed.name), lines.get(feed.name), peaks.get(feed.name, 0))
        for feed in config.enabled_sources
    ]


def _find_troubles(config: Config, state: _FeedState, age: FeedAge) -> Iterator[Finding]:
    """Yield what is wrong with a feed: the update first, then the content."""
    feed, health = state.feed, state.health
    where, update = feed.config_key, f"blocklist update {feed.name}"
    if fault := feed.mandatory and find_guard_fault(config, feed.name, health):
        remedy = f"{update}, then see its error"
        yield problem(fault, where, remedy, subject=feed.name, since=age.good_at)
    elif health is None or health.state is FeedState.NEVER:
        yield warning("was never fetched", where, update, subject=feed.name)
    elif not health.state.is_good or age.overdue:
        yield _describe_failure(state, age)
    elif not health.entries and not feed.can_be_empty:
        remedy = "set `can_be_empty` if this is correct, or see: blocklist feeds test URL"
        yield warning("lists nothing", where, remedy, subject=feed.name)
    elif health.entries and age.lost_share >= _SHRUNK_SHARE:
        what = (
            f"lists {health.entries:,} entries, {age.lost_share:.0%} fewer than in the last "
            f"{_SHRUNK_DAYS} days"
        )
        remedy = f"look at its list; if it is broken: blocklist release rollback --feed {feed.name}"
        yield warning(what, where, remedy, subject=feed.name)
    if state.lines and state.lines.is_suspicious:
        remedy = f"see which: blocklist feeds show {feed.name}; another `format` may fit better"
        yield warning(state.lines.describe_unread(), where, remedy, subject=feed.name)


def _describe_failure(state: _FeedState, age: FeedAge) -> Finding:
    """Return a problem if what is in force is too old or missing, or else a warning."""
    feed, health = state.feed, state.health
    assert health is not None
    why = "" if health.state.is_good else f"{health.state}: {health.cause}; "
    is_missing = age.good_at is None
    late = f", {describe_duration(age.overdue)} too late" if age.overdue else ""
    what = f"{why}it never had a good version" if is_missing else f"{why}{_describe_good_at(age)}"
    report = problem if is_missing or age.overdue else warning
    remedy = f"see the error again: blocklist update {feed.name}; or disable it"
    since = age.good_at or health.checked
    return report(f"{what}{late}", feed.config_key, remedy, subject=feed.name, since=since)


def _describe_good_at(age: FeedAge) -> str:
    return f"its last good version is of {age.good_at}"


def _describe_good(state: _FeedState, age: FeedAge) -> Finding:
    assert state.health is not None
    what = f"{age.state}, {age.entries:,} entries, {describe_age(state.health)}"
    return fine(what, state.feed.config_key, subject=age.name, since=age.good_at)
