"""Judge for a build: configuration and ledger -> verdicts and the change from the current ones.

The verdict on a value depends only on the listings of that value and of URLs on it. If guards,
entries, weights and settings are those of the current release, only values whose listings changed
since are judged again.
"""

from collections import Counter
from dataclasses import dataclass, replace

import polars as pl

from blocklist.config.loader import Config
from blocklist.frames.urls import url_host
from blocklist.indicators.query import parse_query
from blocklist.judge.candidates import derive_host_listings
from blocklist.judge.guards import GUARDS, Guards, load_guards
from blocklist.judge.judge import JudgeInput, decide_verdicts
from blocklist.ledger.db.bulk import BulkTransaction
from blocklist.ledger.feeds.listing_changes import ListingChanges, listing_changes_since
from blocklist.ledger.feeds.listings import load_listings
from blocklist.ledger.releases import verdicts as releases
from blocklist.ledger.releases.history import Release
from blocklist.ledger.releases.verdicts import VerdictChange
from blocklist.model import Entry, FeedWeight, Kind
from blocklist.release.gate.budgets import count_blocked_by_category

#: Where more of the values than this changed, all are judged at least as soon.
_MAX_CHANGED_SHARE = 0.2


@dataclass(frozen=True)
class JudgeResult:
    """What the judge came to."""

    guards: Guards
    #: All verdicts, and how they differ from those in force.
    verdicts: pl.DataFrame
    change: VerdictChange
    #: How many indicators are blocked that feeds of each category list.
    categories: dict[str, int]


def judge_listings(
    config: Config,
    bulk: BulkTransaction,
    votes: list[FeedWeight],
    entries: list[Entry],
    since: Release | None,
) -> JudgeResult:
    """Judge what is listed; `since` is the release in force, if only listings changed since."""
    case = _load_judge_input(config, bulk, votes, entries)
    if since is not None:
        lists = listing_changes_since(bulk, list(case.reliability), since.basis)
        if lists.added.height + lists.removed.height < _MAX_CHANGED_SHARE * case.listings.height:
            return _judge_changed_values(
                config, case, releases.current_verdicts(bulk), since, lists
            )
    judged = decide_verdicts(case)
    before = releases.current_verdicts(bulk)  # only now, for the judge needs the room
    change = releases.diff_verdicts(before, judged)
    return JudgeResult(
        case.guards,
        judged.select(releases.VERDICT_ROW.names()),
        change,
        _count_categories(config, case.listings, judged),
    )


def _load_judge_input(
    config: Config, bulk: BulkTransaction, votes: list[FeedWeight], entries: list[Entry]
) -> JudgeInput:
    own = tuple((query.kind, query.value) for query in map(parse_query, config.policy.own))
    return JudgeInput(
        listings=load_listings(bulk, [vote.feed for vote in votes]),
        reliability={vote.feed: vote.reliability for vote in votes},
        upstream={vote.feed: vote.upstream for vote in votes},
        guards=load_guards(own, load_guard_entries(config, bulk)),
        entries=entries,
        widen=config.policy.widen,
        threshold=config.policy.threshold,
    )


def _judge_changed_values(
    config: Config, case: JudgeInput, before: pl.DataFrame, since: Release, lists: ListingChanges
) -> JudgeResult:
    """Judge the values whose listings moved; all others are as they were."""
    touched = _collect_subjects(pl.concat([lists.added, lists.removed]))
    some = replace(case, listings=_filter_by_subject(case.listings, touched))
    # The operator's entries are judged each time, and are the same where nothing was touched.
    judged, known = (
        _filter_by_subject(decide_verdicts(some), touched),
        _filter_by_subject(before, touched),
    )
    change = releases.diff_verdicts(known, judged)
    stayed = some.listings.join(lists.added, on=lists.added.columns, how="anti")
    counts = Counter(since.categories)
    counts.update(_count_categories(config, some.listings, judged))
    counts.subtract(_count_categories(config, pl.concat([stayed, lists.removed]), known))
    categories = {name: count for name, count in sorted(counts.items()) if count}
    return JudgeResult(case.guards, releases.apply_change(before, change), change, categories)


def _collect_subjects(changed: pl.DataFrame) -> pl.Series:
    """Return the values that listings are about: their own, or the host of a link."""
    link = pl.col("kind") == Kind.URL.value
    hosts = changed.filter(link).select(url_host(pl.col("value")))
    return pl.concat([changed.filter(~link).select("value"), hosts])["value"].unique()


def _filter_by_subject(rows: pl.DataFrame, values: pl.Series) -> pl.DataFrame:
    """Return the rows that are about any of the values: their own, or links to them."""
    link = pl.col("kind") == Kind.URL.value
    wanted = values.implode()
    named = rows.filter(~link, pl.col("value").is_in(wanted))
    return pl.concat([named, rows.filter(link).filter(url_host(pl.col("value")).is_in(wanted))])


def _count_categories(config: Config, listed: pl.DataFrame, judged: pl.DataFrame) -> dict[str, int]:
    categories = {name: feed.category.value for name, feed in config.scoring_feeds.items()}
    return count_blocked_by_category(listed, judged, categories)


def load_guard_entries(config: Config, bulk: BulkTransaction) -> pl.DataFrame:
    """Return the entries of the enabled guard lists (schema `judge.guards.GUARDS`)."""
    enabled = {guard.name: guard.guard for guard in config.guards.values() if guard.enabled}
    listed = load_listings(bulk, list(enabled))
    # A guard list of URLs means their hosts.
    hosts = derive_host_listings(listed).select(listed.columns)
    listed = pl.concat([listed, hosts])
    schema = {"feed": pl.String(), "class": GUARDS["class"]}
    classes = pl.DataFrame(list(enabled.items()), schema=schema, orient="row")
    return listed.join(classes, on="feed").select(
        pl.col("kind").cast(pl.String),
        "value",
        "class",
        source="feed",
        bounded=pl.lit(value=True),
    )
