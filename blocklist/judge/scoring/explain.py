"""Explain a score: feeds that list a value -> independent sources, echoes and overdue feeds.

No heavy imports, because `check` starts here.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from blocklist.judge.scoring.electorate import IndependentSource, feed_groups_from_weights
from blocklist.ledger.lookup import MAX_PAGE_LISTINGS, LedgerLookup
from blocklist.model import FeedWeight, Listing


@dataclass(frozen=True, slots=True)
class ScoreExplanation:
    """How far what is listed is believed, and by whose word."""

    score: float
    voices: tuple[IndependentSource, ...]
    #: Feeds that are overdue, and for how many days their reliability has faded.
    overdue: dict[str, int]


class ScoreExplainer:
    """Explains scores, with the votes of the feeds when listings were judged last."""

    def __init__(self, votes: Iterable[FeedWeight]) -> None:
        self._weights = {vote.feed: vote for vote in votes}
        self._groups = feed_groups_from_weights(self._weights.values())

    def explain_value(
        self, value: str, listings: Iterable[Listing], lookup: LedgerLookup
    ) -> ScoreExplanation | None:
        """Return the score of a name or network; None when none of the feeds lists it now."""
        feeds = self._find_supporting_feeds(value, listings, lookup)
        return self.explain_feeds(feeds) if feeds else None

    def explain_feeds(self, feeds: list[str]) -> ScoreExplanation:
        """Return the score of what these feeds, in order, list."""
        overdue = {
            feed: self._weights[feed].overdue_days
            for feed in feeds
            if self._weights[feed].overdue_days
        }
        voices = tuple(self._groups.group_feeds(feeds))
        return ScoreExplanation(self._groups.score_feeds(feeds), voices, overdue)

    def _find_supporting_feeds(
        self, value: str, listings: Iterable[Listing], lookup: LedgerLookup
    ) -> list[str]:
        """Return who speaks of the thing itself, a page on it counts; else of what is below it."""
        open_now = [one for one in listings if one.until is None and one.feed in self._weights]
        own = [one for one in open_now if one.indicator == value]
        host = f"[{value}]" if ":" in value else value
        starts = tuple(f"{scheme}://{host}{end}" for scheme in ("http", "https") for end in "/:")
        pages = {one.feed for one in open_now if one.indicator.startswith(starts)}
        if len(open_now) >= MAX_PAGE_LISTINGS:  # not all pages are among the listings
            pages |= lookup.feeds_with_pages(value) & self._weights.keys()
        here = pages | {one.feed for one in own if one.scope.covers_self}
        return sorted(here or {one.feed for one in own})
