"""Measure the overlap of feeds: dated listings -> unique shares, echoes, covering feeds."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

import polars as pl

from blocklist.judge.overlap.first_seen import FirstSeenIndex
from blocklist.judge.overlap.set_cover import CoverStep, FeedCombination, choose_covering_feeds
from blocklist.judge.scoring.feed_sets import build_feed_bitsets, decode_bitsets
from blocklist.model import Echo

#: A copy contains so much of what it copies, or is contained by it.
COPY_SHARE = 0.95
#: Fewer entries prove nothing.
_MIN_ENTRIES = 50
#: A list that is first with more than a tenth looks for itself, and by chance no such list (one in
#: a hundred: the quantile of the normal distribution) may pass for one that copies.
_MIN_BEHIND_SHARE, _CONFIDENCE_Z = 0.9, 2.33


@dataclass(frozen=True, slots=True)
class FeedShare:
    """What a feed has of its own."""

    feed: str
    entries: int
    #: How many of them nobody else lists.
    unique: int
    #: Of how many that others list, too, it is known who was first, and of how many this feed was.
    dated: int
    first: int
    #: How many days ahead of the next it then was, in the middle.
    lead: float | None
    #: How many of them a guard protects.
    conflicts: int


@dataclass(frozen=True, slots=True)
class OverlapReport:
    """How all feeds overlap."""

    values: int
    shares: tuple[FeedShare, ...]
    #: Feeds of which nearly all is in another, as `Echo` counts it.
    contained: tuple[Echo, ...]
    #: Those of them that are echoes.
    echoes: tuple[Echo, ...]
    cover: tuple[CoverStep, ...]


def compute_overlap(
    listed: pl.DataFrame, days: dict[int, float], guarded: pl.Series
) -> OverlapReport:
    """Return how feeds overlap that list these values (`columns.schema.DATED`).

    `days` is when each run was, in days since whenever; `guarded` are the values that guards hold.
    """
    feeds = sorted(listed["feed"].unique())
    said, columns = build_feed_bitsets(listed, pl.Series(feeds), {"all": pl.lit(value=True)})
    alike = said.group_by(columns["all"]).len()
    listing = decode_bitsets(alike, columns["all"], feeds)
    combinations = [FeedCombination(*one) for one in zip(listing, alike["len"], strict=True)]
    order = FirstSeenIndex(listed, days)
    contained = tuple(_find_contained_feeds(combinations, order))
    held = listed.filter(pl.col("value").is_in(guarded.implode()))
    conflicts = dict(held["feed"].value_counts().iter_rows())
    return OverlapReport(
        values=said.height,
        shares=tuple(_count_shares(combinations, order, conflicts)),
        contained=contained,
        echoes=tuple(find_echoes(contained)),
        cover=tuple(choose_covering_feeds(combinations, COPY_SHARE)),
    )


def find_echoes(contained: tuple[Echo, ...]) -> Iterator[Echo]:
    """Yield those that list nothing earlier than their leader, or the very same as it.

    To be contained is not enough: a small list that looks for itself may be in a large one. Two
    lists that are each in the other are one, and then the one that is behind is the echo.
    """
    known = {(one.follower, one.leader): one for one in contained}
    for one in contained:
        other = known.get((one.leader, one.follower))
        if other is not None:
            if (one.behind, one.follower) >= (other.behind, other.follower):
                yield one
        elif (
            one.behind >= COPY_SHARE
            and _wilson_lower_bound(one.behind, one.dated) >= _MIN_BEHIND_SHARE
        ):
            yield one


def _wilson_lower_bound(share: float, of: int) -> float:
    """Return what a share that was seen in so many cases is at least (Wilson's lower bound)."""
    if not of:
        return 0.0
    square = _CONFIDENCE_Z**2 / of
    margin = _CONFIDENCE_Z * sqrt(share * (1 - share) / of + square / (4 * of))
    return (share + square / 2 - margin) / (1 + square)


def _count_shares(
    combinations: list[FeedCombination], order: FirstSeenIndex, conflicts: dict[str, int]
) -> Iterator[FeedShare]:
    entries: dict[str, int] = {}
    unique: dict[str, int] = {}
    for one in combinations:
        for feed in one.feeds:
            entries[feed] = entries.get(feed, 0) + one.value_count
        if len(one.feeds) == 1:
            unique[one.feeds[0]] = one.value_count
    for feed, count in sorted(entries.items(), key=lambda item: (-item[1], item[0])):
        yield FeedShare(
            feed, count, unique.get(feed, 0), *order.summarize_feed(feed), conflicts.get(feed, 0)
        )


def _find_contained_feeds(
    combinations: list[FeedCombination], order: FirstSeenIndex
) -> Iterator[Echo]:
    shared: dict[tuple[str, str], int] = {}
    for one in combinations:
        for feed in one.feeds:
            for other in one.feeds:
                shared[feed, other] = shared.get((feed, other), 0) + one.value_count
    for (feed, other), count in sorted(shared.items()):
        entries = shared[feed, feed]
        if feed != other and entries >= _MIN_ENTRIES and count >= COPY_SHARE * entries:
            yield Echo(feed, other, round(count / entries, 4), *order.compare_pair(feed, other))
