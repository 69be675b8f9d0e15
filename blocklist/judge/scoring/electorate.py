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

#: Scores are rounded to so many places, that 0.1 stays 0.1 and no order of feeds shows in them.
_DECIMALS = 9


@dataclass(frozen=True, slots=True)
class IndependentSource:
    """A feed that speaks for itself, and its echoes, as reliable as the most reliable of them."""

    feed: str
    reliability: float
    echoes: tuple[str, ...] = ()


class FeedGroups:
    """All feeds that count: how far each is to be believed, and whose entries it passes on."""

    def __init__(
        self, reliability: Mapping[str, float], lineage: Mapping[str, Collection[str]]
    ) -> None:
        self._reliability = reliability
        sources = {feed: _find_all_sources(feed, lineage) for feed in reliability}
        # A source has fewer sources than its echoes, so sources speak first.
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
        """Return the independent voices among feeds that list the same thing."""
        listing = set(feeds)
        found: dict[str, list[str]] = {}
        for feed in self._ordered_feeds:
            if feed in listing:
                first = next((one for one in found if one in self._related[feed]), feed)
                found.setdefault(first, []).append(feed)
        return [
            IndependentSource(
                first, max(map(self._reliability.__getitem__, every)), tuple(every[1:])
            )
            for first, every in found.items()
        ]

    def adds_evidence(self, feed: str, heard: Collection[str]) -> bool:
        """Return whether a feed says something of its own after others were heard.

        One that was heard itself does, if it says something else now; an echo or a source of theirs
        does not.
        """
        return feed in self._related and (feed in heard or self._related[feed].isdisjoint(heard))

    def score_feeds(self, feeds: Iterable[str]) -> float:
        """Return how far to believe what these feeds list: a noisy-or of the voices, 0 to 1."""
        return combine_reliabilities(voice.reliability for voice in self.group_feeds(feeds))


def feed_groups_from_weights(votes: Iterable[FeedWeight]) -> FeedGroups:
    """Return the electorate that these votes make up."""
    every = list(votes)
    return FeedGroups(
        {vote.feed: vote.reliability for vote in every},
        {vote.feed: vote.upstream for vote in every},
    )


def combine_reliabilities(reliabilities: Iterable[float]) -> float:
    """Return how likely it is that at least one of them is right."""
    return round(1 - prod(1 - one for one in reliabilities), _DECIMALS)


def _find_all_sources(feed: str, lineage: Mapping[str, Collection[str]]) -> frozenset[str]:
    """Return whose entries a feed passes on, also through others; itself it never passes on."""
    found: set[str] = set()
    ahead = list(lineage.get(feed, ()))
    while ahead:
        source = ahead.pop()
        if source not in found:
            found.add(source)
            ahead += lineage.get(source, ())
    return frozenset(found - {feed})


def _are_related(one: str, other: str, sources: Mapping[str, frozenset[str]]) -> bool:
    unheard = (sources[one] & sources[other]) - sources.keys()
    return one in sources[other] or other in sources[one] or bool(unheard)
