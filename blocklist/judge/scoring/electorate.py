"""Group feeds that share sources: feed weights -> independent sources and a combined score.

An echo is a feed that passes on entries of its sources, directly or through other feeds. If an
echo and its source both list a value, they count as one independent source. If only the echo lists
it, the echo counts by itself. Two feeds that share a source outside the catalogue also count as
one, because their independence cannot be shown.

No heavy imports: `check` uses this to explain a score.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from math import prod

from blocklist.model import FeedWeight

#: Scores are rounded, so that 0.1 stays 0.1 and the order of feeds makes no difference.
_DECIMALS = 9


@dataclass(frozen=True, slots=True)
class IndependentSource:
    """A feed that counts by itself, with its echoes; the highest of their reliabilities counts."""

    feed: str
    reliability: float
    echoes: tuple[str, ...] = ()


class FeedGroups:
    """All feeds with a weight: their reliability, and the sources whose entries they pass on."""

    def __init__(
        self, reliability: Mapping[str, float], upstream: Mapping[str, Collection[str]]
    ) -> None:
        self._reliability = reliability
        sources = {feed: _find_all_sources(feed, upstream) for feed in reliability}
        # A source has fewer sources than its echoes, so this order puts it first.
        self._ordered_feeds = sorted(
            reliability, key=lambda feed: (len(sources[feed]), -reliability[feed], feed)
        )
        self._related = {
            feed: frozenset(other for other in reliability if _are_related(feed, other, sources))
            for feed in reliability
        }

    @property
    def ordered_feeds(self) -> list[str]:
        """All feeds, each before its echoes."""
        return self._ordered_feeds

    def group_feeds(self, feeds: Iterable[str]) -> list[IndependentSource]:
        """Return the independent sources among feeds that list the same value."""
        listing_feeds = set(feeds)
        groups: dict[str, list[str]] = {}
        for feed in self._ordered_feeds:
            if feed in listing_feeds:
                first = next((leader for leader in groups if leader in self._related[feed]), feed)
                groups.setdefault(first, []).append(feed)
        return [
            IndependentSource(
                first, max(map(self._reliability.__getitem__, members)), tuple(members[1:])
            )
            for first, members in groups.items()
        ]

    def adds_evidence(self, feed: str, counted_feeds: Collection[str]) -> bool:
        """Return whether a feed is new evidence after others were counted.

        A feed that was itself counted is, if its listing changed since; an echo or a source of a
        counted feed is not.
        """
        return feed in self._related and (
            feed in counted_feeds or self._related[feed].isdisjoint(counted_feeds)
        )

    def score_feeds(self, feeds: Iterable[str]) -> float:
        """Return the score of these feeds, 0 to 1: a noisy-or over their independent sources."""
        return combine_reliabilities(source.reliability for source in self.group_feeds(feeds))


def feed_groups_from_weights(weights: Iterable[FeedWeight]) -> FeedGroups:
    """Return the feed groups of all feeds with a weight."""
    weight_list = list(weights)
    return FeedGroups(
        {weight.feed: weight.reliability for weight in weight_list},
        {weight.feed: weight.upstream for weight in weight_list},
    )


def combine_reliabilities(reliabilities: Iterable[float]) -> float:
    """Return the probability that at least one of the reliabilities holds."""
    return round(1 - prod(1 - reliability for reliability in reliabilities), _DECIMALS)


def _find_all_sources(feed: str, upstream: Mapping[str, Collection[str]]) -> frozenset[str]:
    """Return all direct and indirect sources of a feed, without the feed itself."""
    sources: set[str] = set()
    pending = list(upstream.get(feed, ()))
    while pending:
        source = pending.pop()
        if source not in sources:
            sources.add(source)
            pending += upstream.get(source, ())
    return frozenset(sources - {feed})


def _are_related(first: str, second: str, sources: Mapping[str, frozenset[str]]) -> bool:
    external = (sources[first] & sources[second]) - sources.keys()
    return first in sources[second] or second in sources[first] or bool(external)
