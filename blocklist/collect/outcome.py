"""Outcome of updating a feed: state, cause and counts, and its line in the log."""

import logging
from dataclasses import dataclass, field
from datetime import datetime

from blocklist.collect.schedule import failure_state
from blocklist.config.feeds import Feed
from blocklist.ledger.db.timestamps import format_timestamp
from blocklist.ledger.feeds.age import describe_age
from blocklist.ledger.feeds.health import FeedHealth
from blocklist.ledger.feeds.line_counts import LineCounts
from blocklist.model import FeedState

logger = logging.getLogger(__name__)

#: In a cause, an excerpt of the refused content follows; it is never logged.
EXCERPT_LABEL = "; it begins with "


@dataclass(frozen=True, slots=True)
class UpdateOutcome:
    """The result of updating one feed."""

    feed: str
    state: FeedState
    cause: str | None
    entries: int
    added: int = 0
    removed: int = 0
    #: A note for a person: why the feed was not fetched, or the age of its last good fetch.
    note: str | None = None
    #: What became of the lines of its snapshot, or of the one in force; None if it has none.
    lines: LineCounts | None = field(default=None, compare=False)
    #: That clearly more lines were not read than in the last accepted snapshot.
    warning: str | None = field(default=None, compare=False)
    #: Whether its server was reached; None if none was asked.
    reached: bool | None = field(default=None, compare=False)

    @property
    def is_good(self) -> bool:
        """Whether the feed is up to date."""
        return self.state.is_good


def log_outcome(outcome: UpdateOutcome) -> None:
    """Log what was decided about a feed, without excerpts of refused content."""
    if outcome.state is FeedState.FRESH:
        counts = (outcome.entries, outcome.added, outcome.removed)
        logger.info("feed %s: accepted, %d entries, +%d -%d", outcome.feed, *counts)
        if outcome.lines and outcome.lines.unread:
            logger.info("feed %s: %s", outcome.feed, outcome.lines.describe_unread())
        return
    details = [(outcome.cause or "").partition(EXCERPT_LABEL)[0], outcome.note or ""]
    text = "; ".join(filter(None, details)) or f"{outcome.entries:,} entries"
    logger.info("feed %s: %s, %s", outcome.feed, outcome.state, text)


def outcome_not_due(feed: Feed, health: FeedHealth, due: datetime) -> UpdateOutcome:
    """Return the outcome of a feed that is not fetched before the time `due`."""
    note = f"not due until {format_timestamp(due)}"
    if health.state.is_good:
        return UpdateOutcome(feed.name, FeedState.UNCHANGED, None, health.entries, note=note)
    cause = f"{health.cause}; its server accepts no request until {format_timestamp(due)}"
    return outcome_failing(feed, health, failure_state(feed, health, health.state), cause)


def outcome_failing(feed: Feed, health: FeedHealth, state: FeedState, cause: str) -> UpdateOutcome:
    """Return the outcome of a feed whose last good snapshot stays in force."""
    return UpdateOutcome(feed.name, state, cause, health.entries, note=describe_age(health))


def outcome_pinned(feed: Feed, health: FeedHealth) -> UpdateOutcome:
    """Return the outcome of a feed that a person pinned."""
    note = f"pinned since {health.pinned}; until: blocklist release unpin --feed {feed.name}"
    state = FeedState.UNCHANGED if health.state.is_good else health.state
    return UpdateOutcome(feed.name, state, health.cause, health.entries, note=note)
