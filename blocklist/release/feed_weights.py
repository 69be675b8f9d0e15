"""Current weight of each feed: configuration, health, echoes -> reliability and sources."""

from collections.abc import Iterable, Mapping

from blocklist.config.loader import Config
from blocklist.judge.scoring.decay import decay_reliability
from blocklist.ledger.feeds.age import overdue_time
from blocklist.ledger.feeds.health import FeedHealth
from blocklist.model import Echo, FeedWeight


def compute_feed_weights(
    config: Config, healths: Mapping[str, FeedHealth], echoes: Iterable[Echo]
) -> list[FeedWeight]:
    """Return the votes of all enabled feeds, with the lineage they declare and what was found.

    A feed that is overdue fades by whole days, so that a score is one of a day. One that a person
    pinned is left as it is.
    """
    found: dict[str, list[str]] = {}
    for echo in echoes:
        found.setdefault(echo.follower, []).append(echo.leader)
    every = []
    for feed in config.scoring_feeds.values():
        health = healths.get(feed.name)
        days = overdue_time(feed, health).days if health and not health.pinned else 0
        lineage = tuple(dict.fromkeys([*feed.lineage, *found.get(feed.name, ())]))
        said = decay_reliability(feed.reliability, feed.category, days)
        every.append(FeedWeight(feed.name, said, days, lineage))
    return every
