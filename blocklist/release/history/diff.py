"""Compare two releases: two references -> added and removed rows and the feeds that list them."""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from blocklist.ledger.db.bulk import BulkTransaction
from blocklist.ledger.feeds.listings import load_listings
from blocklist.release.gate.change_report import count_listing_feeds, expand_url_hosts
from blocklist.release.history.references import ReleaseReference, load_referenced_rows


@dataclass(frozen=True)
class ReleaseDiff:
    """What is in one release and not in the other (schema `RELEASE`), and who lists it."""

    added: pl.DataFrame
    removed: pl.DataFrame
    added_by: dict[str, int]
    removed_by: dict[str, int]


def diff_releases(
    bulk: BulkTransaction,
    before: ReleaseReference,
    after: ReleaseReference,
    feeds: Iterable[str],
    only: Iterable[str] | None = None,
) -> ReleaseDiff:
    """Return how one release differs from another.

    `feeds` are those that may be behind it. With `only`, what is none of these feeds' is left out:
    what comes counts as of those that list it after, what goes as of those that listed it before.
    """
    was, will = load_referenced_rows(bulk, before), load_referenced_rows(bulk, after)
    added, removed = _subtract_rows(will, was), _subtract_rows(was, will)
    said_before, said_after = (
        load_listings(bulk, sorted(feeds), of.release.basis) for of in (before, after)
    )
    if only is not None:
        added, removed = (
            _keep_listed_by(added, said_after, only),
            _keep_listed_by(removed, said_before, only),
        )
    return ReleaseDiff(
        added,
        removed,
        count_listing_feeds(added, said_after),
        count_listing_feeds(removed, said_before),
    )


def _subtract_rows(some: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    return some.join(others, on=["value", "scope", "action"], how="anti").sort("value", "scope")


def _keep_listed_by(
    changed: pl.DataFrame, listed: pl.DataFrame, only: Iterable[str]
) -> pl.DataFrame:
    theirs = expand_url_hosts(listed.filter(pl.col("feed").is_in(list(only))))
    return changed.join(theirs, on="value", how="semi")
