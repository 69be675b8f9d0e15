"""Greedy set cover: feed combinations and a share -> the few feeds that cover that share."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FeedCombination:
    """A set of feeds, and the number of values that exactly these feeds list."""

    feeds: Sequence[str]
    value_count: int


@dataclass(frozen=True, slots=True)
class CoverStep:
    """A chosen feed, the values that it adds to those before it, and the share covered so far."""

    feed: str
    added: int
    covered: float


def choose_covering_feeds(
    combinations: Sequence[FeedCombination], share: float
) -> Iterator[CoverStep]:
    """Yield feeds until they cover a share of all values; each adds the most values."""
    by_feed: dict[str, list[FeedCombination]] = {}
    for combination in combinations:
        for feed in combination.feeds:
            by_feed.setdefault(feed, []).append(combination)
    gains = {
        feed: sum(combination.value_count for combination in feed_combinations)
        for feed, feed_combinations in by_feed.items()
    }
    total = sum(combination.value_count for combination in combinations)
    covered, counted = 0, set[int]()
    while covered < share * total:
        best = min(gains, key=lambda feed: (-gains[feed], feed))
        added = gains[best]
        covered += added
        for combination in by_feed[best]:
            if id(combination) not in counted:
                counted.add(id(combination))
                for feed in combination.feeds:
                    gains[feed] -= combination.value_count
        yield CoverStep(best, added, round(covered / total, 4))
