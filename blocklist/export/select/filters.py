"""Filter rows for an export: release rows and listing evidence -> its rows and policies.

A filter removes blocks and never an allow, so an export never blocks more than the release. The
operator's own blocks are in every export.
"""

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from blocklist.config.exports import Export
from blocklist.config.feeds import Feed
from blocklist.config.loader import Config
from blocklist.export.render.precedence import POLICY_CODE
from blocklist.frames.schemas import LISTINGS, RELEASE
from blocklist.frames.urls import is_host_only
from blocklist.judge.candidates import derive_host_listings, score_listings
from blocklist.judge.scoring.electorate import FeedGroups, feed_groups_from_weights
from blocklist.ledger.db.transaction import Transaction
from blocklist.ledger.feeds.listings import load_listings
from blocklist.model import Direction, FeedWeight, Kind


@dataclass(frozen=True)
class ListingEvidence:
    """The listings from which a release was judged, and the operator's own blocks."""

    #: Schema `LISTINGS`.
    listings: pl.DataFrame
    feeds: dict[str, Feed]
    operator_blocks: pl.Series
    #: The feeds with their weights when the release was judged.
    feed_groups: FeedGroups

    @cached_property
    def listings_and_hosts(self) -> pl.DataFrame:
        """The listings, and the hosts of URLs as listings; see `candidates.score_listings`."""
        hosts = derive_host_listings(self.listings)
        listings = self.listings.with_columns(whole=pl.lit(value=True))
        return pl.concat([listings, hosts.select(listings.columns)])

    def listings_of(self, feeds: list[Feed]) -> pl.DataFrame:
        """Return the listings, with hosts, of some feeds."""
        names = pl.Series([feed.name for feed in feeds], dtype=pl.String)
        return self.listings_and_hosts.filter(pl.col("feed").is_in(names.implode()))


def load_listing_evidence(
    transaction: Transaction,
    config: Config,
    source_run: int,
    operator_blocks: pl.Series,
    feed_weights: list[FeedWeight],
) -> ListingEvidence:
    """Return the evidence of a release that was judged from the listings after `source_run`."""
    feeds = config.scoring_feeds
    listings = load_listings(transaction, list(feeds), source_run).match_to_schema(LISTINGS)
    groups = _build_feed_groups(feeds, feed_weights)
    return ListingEvidence(listings, feeds, operator_blocks, groups)


def select_blockable_urls(held: pl.DataFrame) -> pl.DataFrame:
    """Return the held URLs that a proxy can block; the root page of a host stands for the host."""
    return held.filter(~is_host_only(pl.col("value")))


def _build_feed_groups(feeds: dict[str, Feed], feed_weights: list[FeedWeight]) -> FeedGroups:
    """Return the groups of feeds; a feed without a stored weight has the configured one."""
    configured = {
        name: FeedWeight(name, feed.reliability, 0, feed.lineage) for name, feed in feeds.items()
    }
    stored = {weight.feed: weight for weight in feed_weights}
    return feed_groups_from_weights((configured | stored).values())


def filter_rows(
    export: Export, rows: pl.DataFrame, evidence: ListingEvidence | None
) -> pl.DataFrame:
    """Return the rows that an export takes: `RELEASE`, `policy` and `score`.

    The score is null for the operator's own blocks. `evidence` may be None for an export that does
    not depend on listings; its rows have no `policy` and no `score`.
    """
    if export.kinds:
        is_taken = pl.col("kind").is_in([kind.value for kind in export.kinds])
        if Kind.DOMAIN not in export.target.kinds:  # it may let allowed names pass
            is_taken |= (pl.col("action") == "allow") & (pl.col("kind") == Kind.DOMAIN.value)
        rows = rows.filter(is_taken)
    if evidence is None or not export.needs_listings:
        return rows
    selected_feeds = [feed for feed in evidence.feeds.values() if _is_feed_selected(export, feed)]
    listings = evidence.listings_of(selected_feeds)
    if export.directions:
        listings = listings.filter(_matches_direction(export, evidence))
    rows = rows.join(_score_values(listings, evidence), on="value", how="left")
    is_operators = pl.col("value").is_in(evidence.operator_blocks.implode())
    is_allow = pl.col("action") == "allow"
    if export.filters_by_feed:
        has_score = pl.col("score") >= export.min_score
        rows = rows.filter(is_operators | is_allow | has_score)
    # A value that no feed lists, such as an address of a listed name, is ranked last.
    score = pl.when(~is_operators).then(pl.col("score").fill_null(0))
    return _add_policies(export, rows.with_columns(score=score), listings, evidence)


def list_feed_credits(export: Export, feeds: list[Feed]) -> tuple[str, ...]:
    """Return name and terms of each feed whose entries may be in an export, one line each."""
    selected = (feed for feed in feeds if _is_feed_selected(export, feed))
    lines = (f"{feed.name}: {feed.licence or 'terms unknown'}" for feed in selected)
    # Terms of several lines become one line, because only the first would be a comment.
    return tuple(" ".join(line.split()) for line in lines)


def _is_feed_selected(export: Export, feed: Feed) -> bool:
    """Return whether a feed's listings count for an export."""
    by_category = not export.categories or feed.category in export.categories
    return by_category and (not export.feeds or feed.name in export.feeds)


def _matches_direction(export: Export, evidence: ListingEvidence) -> pl.Expr:
    """Return whether a listing is for a direction of the export, or of no address."""
    directions = {*export.directions, Direction.BOTH}
    feeds = [feed.name for feed in evidence.feeds.values() if feed.direction in directions]
    return (pl.col("kind") != Kind.IP.value) | pl.col("feed").is_in(feeds)


def _score_values(listings: pl.DataFrame, evidence: ListingEvidence) -> pl.DataFrame:
    """Return `value` and `score`, the combined reliability of the feeds that list the value."""
    scores = score_listings(listings, evidence.feed_groups)
    return scores.select("value", score=pl.max_horizontal("here", "below"))


def _add_policies(
    export: Export, rows: pl.DataFrame, listings: pl.DataFrame, evidence: ListingEvidence
) -> pl.DataFrame:
    """Add the column `policy`; rows of a category with the action `passthru` become allows."""
    if not export.actions:
        return rows.with_columns(policy=pl.lit(1, POLICY_CODE))
    first_rank = _rank_by_category(export, listings, evidence)
    actions = list(export.actions.values())
    codes = [
        export.blocking_actions.index(action) + 1 if action in export.blocking_actions else 0
        for action in actions
    ]
    is_operators = pl.col("value").is_in(evidence.operator_blocks.implode())
    is_allow = pl.col("action") == "allow"
    code = pl.col("rank").replace_strict(list(range(len(codes))), codes, return_dtype=POLICY_CODE)
    rows = rows.join(first_rank, on="value", how="left").with_columns(
        policy=pl.when(~is_operators & ~is_allow).then(code).fill_null(1)
    )
    passing = pl.when(pl.col("policy") == 0).then(pl.lit("allow", RELEASE["action"]))
    return rows.with_columns(action=passing.otherwise("action")).drop("rank")


def _rank_by_category(
    export: Export, listings: pl.DataFrame, evidence: ListingEvidence
) -> pl.DataFrame:
    """Return `value` and `rank`, the place in `actions` of the first category that lists it."""
    ranks = {category: rank for rank, category in enumerate(export.actions)}
    feed_ranks = pl.DataFrame(
        [
            (name, ranks[feed.category])
            for name, feed in evidence.feeds.items()
            if feed.category in ranks
        ],
        schema={"feed": pl.String, "rank": POLICY_CODE},
        orient="row",
    )
    return listings.join(feed_ranks, on="feed").group_by("value").agg(pl.col("rank").min())
