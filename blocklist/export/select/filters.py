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
    """Who listed what when a release was made, and what the operator blocks."""

    #: Schema `LISTINGS`.
    listings: pl.DataFrame
    feeds: dict[str, Feed]
    operator_blocks: pl.Series
    #: How the feeds counted when the release was judged.
    feed_groups: FeedGroups

    @cached_property
    def listings_and_hosts(self) -> pl.DataFrame:
        """The listings, the hosts of URLs as listings of their own; see `candidates.scored`."""
        hosts = derive_host_listings(self.listings)
        listed = self.listings.with_columns(whole=pl.lit(value=True))
        return pl.concat([listed, hosts.select(listed.columns)])

    def listings_of(self, feeds: list[Feed]) -> pl.DataFrame:
        """Return the voices of some feeds."""
        names = pl.Series([feed.name for feed in feeds], dtype=pl.String)
        return self.listings_and_hosts.filter(pl.col("feed").is_in(names.implode()))


def load_listing_evidence(
    bulk: Transaction, config: Config, basis: int, own: pl.Series, votes: list[FeedWeight]
) -> ListingEvidence:
    """Return the evidence behind a release that was judged from what was listed after a run."""
    feeds = config.scoring_feeds
    listed = load_listings(bulk, list(feeds), basis)
    return ListingEvidence(
        listed.match_to_schema(LISTINGS), feeds, own, _build_feed_groups(feeds, votes)
    )


def select_blockable_urls(held: pl.DataFrame) -> pl.DataFrame:
    """Return the held pages that a proxy can block; a host's first page is taken for the host."""
    return held.filter(~is_host_only(pl.col("value")))


def _build_feed_groups(feeds: dict[str, Feed], votes: list[FeedWeight]) -> FeedGroups:
    """Return how the feeds counted; one that was not there yet counts as it says itself."""
    said = {
        name: FeedWeight(name, feed.reliability, 0, feed.lineage) for name, feed in feeds.items()
    }
    return feed_groups_from_weights((said | {vote.feed: vote for vote in votes}).values())


def filter_rows(export: Export, rows: pl.DataFrame, known: ListingEvidence | None) -> pl.DataFrame:
    """Return the rows that an export takes: `RELEASE`, `policy` and `score`, null for your own.

    `known` may be missing for an export that does not ask who lists what.
    """
    if export.kinds:
        rows = rows.filter(pl.col("kind").is_in([kind.value for kind in export.kinds]))
    if known is None or not export.needs_listings:
        return rows
    voices = known.listings_of(
        [feed for feed in known.feeds.values() if _is_feed_selected(export, feed)]
    )
    if export.directions:
        voices = voices.filter(_matches_direction(export, known))
    found = rows.join(_score_values(voices, known), on="value", how="left")
    own = pl.col("value").is_in(known.operator_blocks.implode())
    allow = pl.col("action") == "allow"
    if export.filters_by_feed:
        found = found.filter(own | allow | (pl.col("score") >= export.min_score))
    # What is listed nowhere, such as an address behind a listed name, is ranked last.
    found = found.with_columns(score=pl.when(~own).then(pl.col("score").fill_null(0)))
    return _add_policies(export, found, voices, known)


def list_feed_credits(export: Export, feeds: list[Feed]) -> tuple[str, ...]:
    """Return a line for each feed whose entries may be in an export: its name and its terms."""
    speaking = (feed for feed in feeds if _is_feed_selected(export, feed))
    lines = (f"{feed.name}: {feed.licence or 'terms unknown'}" for feed in speaking)
    # What a person wrote on several lines is one here, or the second would be no comment.
    return tuple(" ".join(line.split()) for line in lines)


def _is_feed_selected(export: Export, feed: Feed) -> bool:
    """Return whether a feed's listings count for an export."""
    by_category = not export.categories or feed.category in export.categories
    return by_category and (not export.feeds or feed.name in export.feeds)


def _matches_direction(export: Export, known: ListingEvidence) -> pl.Expr:
    """Tell which voices are on names, or on addresses for connections of the export's direction."""
    wanted = {*export.directions, Direction.BOTH}
    feeds = [feed.name for feed in known.feeds.values() if feed.direction in wanted]
    return (pl.col("kind") != Kind.IP.value) | pl.col("feed").is_in(feeds)


def _score_values(voices: pl.DataFrame, known: ListingEvidence) -> pl.DataFrame:
    """Return `value` and `score`: how far to believe those who list it."""
    found = score_listings(voices, known.feed_groups)
    return found.select("value", score=pl.max_horizontal("here", "below"))


def _add_policies(
    export: Export, rows: pl.DataFrame, voices: pl.DataFrame, known: ListingEvidence
) -> pl.DataFrame:
    """Add the code of each row's policy; a category that passes allows."""
    if not export.actions:
        return rows.with_columns(policy=pl.lit(1, POLICY_CODE))
    places = {category: place for place, category in enumerate(export.actions)}
    of_feeds = pl.DataFrame(
        [(name, places[f.category]) for name, f in known.feeds.items() if f.category in places],
        schema={"feed": pl.String, "place": POLICY_CODE},
        orient="row",
    )
    first = voices.join(of_feeds, on="feed").group_by("value").agg(pl.col("place").min())
    actions = list(export.actions.values())
    codes = [
        export.blocking_actions.index(action) + 1 if action in export.blocking_actions else 0
        for action in actions
    ]
    own = pl.col("value").is_in(known.operator_blocks.implode())
    code = pl.col("place").replace_strict(list(range(len(codes))), codes, return_dtype=POLICY_CODE)
    found = rows.join(first, on="value", how="left").with_columns(
        policy=pl.when(~own).then(code).fill_null(1)
    )
    passing = pl.when(pl.col("policy") == 0).then(pl.lit("allow", RELEASE["action"]))
    return found.with_columns(action=passing.otherwise("action")).drop("place")
