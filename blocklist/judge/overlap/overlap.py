"""Measure the overlap of feeds: dated listings -> unique shares, echoes, covering feeds."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

import polars as pl

from blocklist.judge.overlap.first_seen import FirstSeenIndex
from blocklist.judge.overlap.set_cover import CoverStep, FeedCombination, choose_covering_feeds
from blocklist.judge.scoring.feed_sets import build_feed_bitsets, decode_bitsets
from blocklist.model import Echo

#: The share of entries that a copy has in common with its original.
COPY_SHARE = 0.95
#: With fewer entries nothing is concluded.
_MIN_ENTRIES = 50
#: A list that is first with more than a tenth of its entries is independent; with this confidence
#: (one in a hundred: the quantile of the normal distribution) no such list passes for a copy.
_MIN_BEHIND_SHARE, _CONFIDENCE_Z = 0.9, 2.33


@dataclass(frozen=True, slots=True)
class FeedShare:
    """The part of a feed's entries that it contributes itself."""

    feed: str
    entries: int
    #: How many of them no other feed lists.
    unique: int
    #: How many shared entries have a known first feed, and how many of these this feed listed
    #: first.
    dated: int
    first: int
    #: The median lead before the next feed, in days.
    lead: float | None
    #: How many of them a guard protects.
    conflicts: int


@dataclass(frozen=True, slots=True)
class OverlapReport:
    """The overlap of all feeds."""

    values: int
    shares: tuple[FeedShare, ...]
    #: Feeds whose entries are nearly all in another feed.
    contained: tuple[Echo, ...]
    #: Those of them that are echoes.
    echoes: tuple[Echo, ...]
    cover: tuple[CoverStep, ...]


def compute_overlap(
    listings: pl.DataFrame, run_days: dict[int, float], guarded_values: pl.Series
) -> OverlapReport:
    """Return how feeds overlap that list these values (schema `DATED_LISTINGS`).

    `run_days` is the time of each run in days since any moment; `guarded_values` are the values
    that guards hold.
    """
    feeds = sorted(listings["feed"].unique())
    bitsets, columns = build_feed_bitsets(listings, pl.Series(feeds), {"all": pl.lit(value=True)})
    set_sizes = bitsets.group_by(columns["all"]).len()
    feed_sets = decode_bitsets(set_sizes, columns["all"], feeds)
    combinations = [
        FeedCombination(*pair) for pair in zip(feed_sets, set_sizes["len"], strict=True)
    ]
    index = FirstSeenIndex(listings, run_days)
    contained = tuple(_find_contained_feeds(combinations, index))
    guarded_listings = listings.filter(pl.col("value").is_in(guarded_values.implode()))
    conflicts = dict(guarded_listings["feed"].value_counts().iter_rows())
    return OverlapReport(
        values=bitsets.height,
        shares=tuple(_count_shares(combinations, index, conflicts)),
        contained=contained,
        echoes=tuple(find_echoes(contained)),
        cover=tuple(choose_covering_feeds(combinations, COPY_SHARE)),
    )


def find_echoes(contained: tuple[Echo, ...]) -> Iterator[Echo]:
    """Yield the contained feeds that list nothing earlier than their leader, or the same entries.

    To be contained is not sufficient, because a small independent list may be part of a large one.
    If two lists contain each other they are the same list, and the later one is the echo.
    """
    by_pair = {(echo.follower, echo.leader): echo for echo in contained}
    for echo in contained:
        reverse = by_pair.get((echo.leader, echo.follower))
        if reverse is not None:
            if (echo.behind, echo.follower) >= (reverse.behind, reverse.follower):
                yield echo
        elif (
            echo.behind >= COPY_SHARE
            and _wilson_lower_bound(echo.behind, echo.dated) >= _MIN_BEHIND_SHARE
        ):
            yield echo


def _wilson_lower_bound(share: float, count: int) -> float:
    """Return the lower bound of the true share, observed in `count` cases (Wilson score)."""
    if not count:
        return 0.0
    square = _CONFIDENCE_Z**2 / count
    margin = _CONFIDENCE_Z * sqrt(share * (1 - share) / count + square / (4 * count))
    return (share + square / 2 - margin) / (1 + square)


def _count_shares(
    combinations: list[FeedCombination], index: FirstSeenIndex, conflicts: dict[str, int]
) -> Iterator[FeedShare]:
    entries: dict[str, int] = {}
    unique: dict[str, int] = {}
    for combination in combinations:
        for feed in combination.feeds:
            entries[feed] = entries.get(feed, 0) + combination.value_count
        if len(combination.feeds) == 1:
            unique[combination.feeds[0]] = combination.value_count
    for feed, count in sorted(entries.items(), key=lambda item: (-item[1], item[0])):
        yield FeedShare(
            feed, count, unique.get(feed, 0), *index.summarize_feed(feed), conflicts.get(feed, 0)
        )


def _find_contained_feeds(
    combinations: list[FeedCombination], index: FirstSeenIndex
) -> Iterator[Echo]:
    shared: dict[tuple[str, str], int] = {}
    for combination in combinations:
        for feed in combination.feeds:
            for other in combination.feeds:
                shared[feed, other] = shared.get((feed, other), 0) + combination.value_count
    for (feed, other), count in sorted(shared.items()):
        entries = shared[feed, feed]
        if feed != other and entries >= _MIN_ENTRIES and count >= COPY_SHARE * entries:
            yield Echo(feed, other, round(count / entries, 4), *index.compare_pair(feed, other))
