"""Compare two releases: two references -> added and removed rows and the feeds that list them."""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from blocklist.ledger.db.transaction import Transaction
from blocklist.ledger.feeds.listings import load_listings
from blocklist.release.gate.change_report import count_listing_feeds, expand_url_hosts
from blocklist.release.history.references import ReleaseReference, load_referenced_rows


@dataclass(frozen=True)
class ReleaseDiff:
    """The rows that only one of two releases has (schema `RELEASE`), and their feeds."""

    added: pl.DataFrame
    removed: pl.DataFrame
    added_by: dict[str, int]
    removed_by: dict[str, int]


def diff_releases(
    transaction: Transaction,
    before: ReleaseReference,
    after: ReleaseReference,
    feeds: Iterable[str],
    only_feeds: Iterable[str] | None = None,
) -> ReleaseDiff:
    """Return the difference between two releases.

    `feeds` are the feeds that can be its cause. With `only_feeds`, rows of other feeds are left
    out: added rows are those that these feeds list after, removed rows those that they listed
    before.
    """
    rows_before, rows_after = (
        load_referenced_rows(transaction, before),
        load_referenced_rows(transaction, after),
    )
    added, removed = (
        _subtract_rows(rows_after, rows_before),
        _subtract_rows(rows_before, rows_after),
    )
    listings_before, listings_after = (
        load_listings(transaction, sorted(feeds), reference.release.basis)
        for reference in (before, after)
    )
    if only_feeds is not None:
        added, removed = (
            _keep_listed_by(added, listings_after, only_feeds),
            _keep_listed_by(removed, listings_before, only_feeds),
        )
    return ReleaseDiff(
        added,
        removed,
        count_listing_feeds(added, listings_after),
        count_listing_feeds(removed, listings_before),
    )


def _subtract_rows(rows: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    return rows.join(others, on=["value", "scope", "action"], how="anti").sort("value", "scope")


def _keep_listed_by(
    changed: pl.DataFrame, listings: pl.DataFrame, only_feeds: Iterable[str]
) -> pl.DataFrame:
    feed_values = expand_url_hosts(listings.filter(pl.col("feed").is_in(list(only_feeds))))
    return changed.join(feed_values, on="value", how="semi")
