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
    """Return the weights of all enabled feeds, with their declared and detected sources.

    The reliability of an overdue feed decays by whole days, so that a score holds for a day. A feed
    that a person pinned does not decay.
    """
    leaders: dict[str, list[str]] = {}
    for echo in echoes:
        leaders.setdefault(echo.follower, []).append(echo.leader)
    weights = []
    for feed in config.scoring_feeds.values():
        health = healths.get(feed.name)
        overdue_days = overdue_time(feed, health).days if health and not health.pinned else 0
        upstream = tuple(dict.fromkeys([*feed.lineage, *leaders.get(feed.name, ())]))
        reliability = decay_reliability(feed.reliability, feed.category, overdue_days)
        weights.append(FeedWeight(feed.name, reliability, overdue_days, upstream))
    return weights
