"""Explain a score: feeds that list a value -> independent sources, echoes and overdue feeds.

No heavy imports, because `check` starts here.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from blocklist.judge.scoring.electorate import IndependentSource, feed_groups_from_weights
from blocklist.model import FeedWeight, Listing


class PageLookup(Protocol):
    """Find the feeds that list pages on a host, where a list of listings is cut off."""

    @property
    def max_page_listings(self) -> int:
        """With fewer listings than this, no listing of a page was left out."""
        ...

    def feeds_with_pages(self, host: str) -> set[str]:
        """Return all feeds that list a URL on a host now."""
        ...


@dataclass(frozen=True, slots=True)
class ScoreExplanation:
    """A score, the independent sources that it is computed from, and the overdue feeds."""

    score: float
    voices: tuple[IndependentSource, ...]
    #: Overdue feed -> the number of days by which its reliability was reduced.
    overdue: dict[str, int] = field(hash=False)


class ScoreExplainer:
    """Explain scores with the feed weights of the last judging."""

    def __init__(self, weights: Iterable[FeedWeight]) -> None:
        self._weights = {weight.feed: weight for weight in weights}
        self._groups = feed_groups_from_weights(self._weights.values())

    def explain_value(
        self, value: str, listings: Iterable[Listing], lookup: PageLookup
    ) -> ScoreExplanation | None:
        """Return the score of a name or network; None if no feed with a weight lists it now."""
        feeds = self._find_supporting_feeds(value, listings, lookup)
        return self.explain_feeds(feeds) if feeds else None

    def explain_feeds(self, feeds: list[str]) -> ScoreExplanation:
        """Return the score of a value that exactly these feeds list; the feeds are sorted."""
        overdue = {
            feed: self._weights[feed].overdue_days
            for feed in feeds
            if self._weights[feed].overdue_days
        }
        voices = tuple(self._groups.group_feeds(feeds))
        return ScoreExplanation(self._groups.score_feeds(feeds), voices, overdue)

    def _find_supporting_feeds(
        self, value: str, listings: Iterable[Listing], lookup: PageLookup
    ) -> list[str]:
        """Return the feeds that list the value itself or a page on it, or else what is below it."""
        current = [
            listing
            for listing in listings
            if listing.until is None and listing.feed in self._weights
        ]
        own = [listing for listing in current if listing.indicator == value]
        host = f"[{value}]" if ":" in value else value
        starts = tuple(f"{scheme}://{host}{end}" for scheme in ("http", "https") for end in "/:")
        page_feeds = {listing.feed for listing in current if listing.indicator.startswith(starts)}
        if len(current) >= lookup.max_page_listings:
            page_feeds |= lookup.feeds_with_pages(value) & self._weights.keys()
        direct_feeds = page_feeds | {listing.feed for listing in own if listing.scope.covers_self}
        return sorted(direct_feeds or {listing.feed for listing in own})
