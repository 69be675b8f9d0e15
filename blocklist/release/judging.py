"""Judge for a build: configuration and ledger -> verdicts and the change from the current ones.

The verdict on a value depends only on the listings of that value and of URLs on it. If guards,
entries, weights and settings are those of the current release, only values whose listings changed
since are judged again.
"""

import logging
from collections import Counter
from dataclasses import dataclass, replace

import polars as pl

from blocklist.config.loader import Config
from blocklist.frames.urls import url_host
from blocklist.indicators.query import parse_query
from blocklist.judge.candidates import derive_host_listings
from blocklist.judge.fame import LAST_RANK, FameRule
from blocklist.judge.guards import GUARDS, GuardLists, Guards, load_guards
from blocklist.judge.judge import EXEMPTING, JudgeInput, decide_verdicts
from blocklist.judge.suffix_rules import build_suffix_rules
from blocklist.ledger.db.transaction import Transaction
from blocklist.ledger.feeds.exempting import load_exempting
from blocklist.ledger.feeds.listing_changes import ListingChanges, listing_changes_since
from blocklist.ledger.feeds.listings import load_listings
from blocklist.ledger.feeds.ranks import load_ranks
from blocklist.ledger.releases import verdicts as releases
from blocklist.ledger.releases.history import Release
from blocklist.ledger.releases.verdicts import VerdictChange
from blocklist.model import Entry, FeedWeight, GuardClass, Kind
from blocklist.release.gate.budgets import count_blocked_by_category

logger = logging.getLogger(__name__)

#: If a larger share of the values changed, judging all of them is as fast.
_MAX_CHANGED_SHARE = 0.2


@dataclass(frozen=True)
class JudgeResult:
    """The result of judging."""

    guards: Guards
    #: All verdicts, and their difference to those of the current release.
    verdicts: pl.DataFrame
    change: VerdictChange
    #: Category -> the number of blocked indicators that its feeds list.
    categories: dict[str, int]


def judge_listings(
    config: Config,
    transaction: Transaction,
    weights: list[FeedWeight],
    entries: list[Entry],
    current: Release | None,
) -> JudgeResult:
    """Judge all listings; `current` is the current release if only listings changed since."""
    listings = load_listings(transaction, [weight.feed for weight in weights])
    guard_lists = load_guard_lists(config, transaction)
    exempting = load_exempting(transaction.connection)
    judge_input = make_judge_input(config, listings, guard_lists, weights, entries, exempting)
    if current is not None:
        listing_changes = listing_changes_since(
            transaction, list(judge_input.reliability), current.basis
        )
        changed = listing_changes.added.height + listing_changes.removed.height
        if changed < _MAX_CHANGED_SHARE * judge_input.listings.height:
            return _judge_changed_values(
                config,
                judge_input,
                releases.current_verdicts(transaction),
                current,
                listing_changes,
            )
    why = f"{changed} listings changed" if current else "guards, entries or weights changed"
    logger.debug("judging all of %d listings: %s", judge_input.listings.height, why)
    verdicts = decide_verdicts(judge_input)
    old_verdicts = releases.current_verdicts(transaction)  # loaded after judging, to save memory
    change = releases.diff_verdicts(old_verdicts, verdicts)
    return JudgeResult(
        judge_input.guards,
        verdicts.select(releases.VERDICT_ROW.names()),
        change,
        _count_categories(config, judge_input.listings, verdicts),
    )


def make_judge_input(
    config: Config,
    listings: pl.DataFrame,
    guard_lists: GuardLists,
    weights: list[FeedWeight],
    entries: list[Entry],
    exempting: list[tuple[str, str]] | None = None,
) -> JudgeInput:
    """Return the inputs of the judge.

    `listings` has the schema `LISTINGS`; `exempting` are pairs of a feed and a name below which it
    exempts others.
    """
    policy = config.policy
    own_values = tuple((query.kind, query.value) for query in map(parse_query, policy.own))
    return JudgeInput(
        listings=listings,
        reliability={weight.feed: weight.reliability for weight in weights},
        upstream={weight.feed: weight.upstream for weight in weights},
        guards=load_guards(own_values, guard_lists, policy.popular_always),
        entries=entries,
        exempting=pl.DataFrame(exempting or [], schema=EXEMPTING, orient="row"),
        widen=policy.widen,
        threshold=policy.threshold,
        fame=FameRule(policy.popular_score, policy.popular_always),
    )


def _judge_changed_values(
    config: Config,
    judge_input: JudgeInput,
    old_verdicts: pl.DataFrame,
    current: Release,
    listing_changes: ListingChanges,
) -> JudgeResult:
    """Judge the values whose listings changed; all others keep their verdicts."""
    changed_values = _collect_subjects(pl.concat([listing_changes.added, listing_changes.removed]))
    logger.debug(
        "judging %d changed values, because only listings changed since release %d",
        *(len(changed_values), current.number),
    )
    partial_input = replace(
        judge_input, listings=_filter_by_subject(judge_input.listings, changed_values)
    )
    # The operator's entries are always judged; they give the same verdicts for unchanged values.
    new_rows, old_rows = (
        _filter_by_subject(decide_verdicts(partial_input), changed_values),
        _filter_by_subject(old_verdicts, changed_values),
    )
    change = releases.diff_verdicts(old_rows, new_rows)
    unchanged_listings = partial_input.listings.join(
        listing_changes.added, on=listing_changes.added.columns, how="anti"
    )
    counts = Counter(current.categories)
    counts.update(_count_categories(config, partial_input.listings, new_rows))
    counts.subtract(
        _count_categories(
            config, pl.concat([unchanged_listings, listing_changes.removed]), old_rows
        )
    )
    categories = {name: count for name, count in sorted(counts.items()) if count}
    return JudgeResult(
        judge_input.guards,
        releases.apply_change(old_verdicts, change),
        change,
        categories,
    )


def _collect_subjects(changed: pl.DataFrame) -> pl.Series:
    """Return the values that listings are about: their own, or the host of a URL."""
    is_url = pl.col("kind") == Kind.URL.value
    hosts = changed.filter(is_url).select(url_host(pl.col("value")))
    return pl.concat([changed.filter(~is_url).select("value"), hosts])["value"].unique()


def _filter_by_subject(rows: pl.DataFrame, values: pl.Series) -> pl.DataFrame:
    """Return the rows about any of the values: their own, or those of URLs on them."""
    is_url = pl.col("kind") == Kind.URL.value
    value_list = values.implode()
    direct_rows = rows.filter(~is_url, pl.col("value").is_in(value_list))
    return pl.concat(
        [direct_rows, rows.filter(is_url).filter(url_host(pl.col("value")).is_in(value_list))]
    )


def _count_categories(
    config: Config, listings: pl.DataFrame, verdicts: pl.DataFrame
) -> dict[str, int]:
    categories = {name: feed.category.value for name, feed in config.scoring_feeds.items()}
    return count_blocked_by_category(listings, verdicts, categories)


def load_guard_lists(config: Config, transaction: Transaction) -> GuardLists:
    """Return the content of the enabled guard lists."""
    guards = [guard for guard in config.guards.values() if guard.enabled]
    ranked = [guard.name for guard in guards if guard.has_ranks]
    suffix_lists = [guard.name for guard in guards if guard.guard is GuardClass.PUBLIC_SUFFIX]
    classes = {
        guard.name: guard.guard
        for guard in guards
        if guard.guard and guard.name not in {*ranked, *suffix_lists}
    }
    return GuardLists(
        _load_guard_entries(transaction, classes),
        load_ranks(transaction, ranked).filter(pl.col("rank") <= LAST_RANK),
        build_suffix_rules(load_listings(transaction, suffix_lists)),
    )


def _load_guard_entries(
    transaction: Transaction, guard_classes: dict[str, GuardClass]
) -> pl.DataFrame:
    """Return the entries of guard lists with these classes (schema `judge.guards.GUARDS`)."""
    listings = load_listings(transaction, list(guard_classes))
    # A guard list of URLs protects their hosts.
    hosts = derive_host_listings(listings).select(listings.columns)
    listings = pl.concat([listings, hosts])
    schema = {"feed": pl.String(), "class": GUARDS["class"]}
    classes = pl.DataFrame(list(guard_classes.items()), schema=schema, orient="row")
    return listings.join(classes, on="feed").select(
        pl.col("kind").cast(pl.String),
        "value",
        "class",
        source="feed",
        bounded=pl.lit(value=True),
    )
