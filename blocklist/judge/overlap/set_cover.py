"""Greedy set cover: feed combinations and a share -> the few feeds that cover that share."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FeedCombination:
    """Some feeds, and how many values these list and no others do."""

    feeds: Sequence[str]
    value_count: int


@dataclass(frozen=True, slots=True)
class CoverStep:
    """A feed that is chosen: what it adds to those before it, and the share they then cover."""

    feed: str
    added: int
    covered: float


def choose_covering_feeds(
    combinations: Sequence[FeedCombination], share: float
) -> Iterator[CoverStep]:
    """Yield feeds until they cover a share of all values: each time the one that adds most."""
    of: dict[str, list[FeedCombination]] = {}
    for one in combinations:
        for feed in one.feeds:
            of.setdefault(feed, []).append(one)
    gain = {feed: sum(one.value_count for one in its) for feed, its in of.items()}
    total = sum(one.value_count for one in combinations)
    covered, done = 0, set[int]()
    while covered < share * total:
        best = min(gain, key=lambda feed: (-gain[feed], feed))
        added = gain[best]
        covered += added
        for one in of[best]:
            if id(one) not in done:
                done.add(id(one))
                for feed in one.feeds:
                    gain[feed] -= one.value_count
        yield CoverStep(best, added, round(covered / total, 4))
