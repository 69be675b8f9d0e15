"""The difference between two releases, and the feeds behind it."""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from blocklist.ledger import listings
from blocklist.ledger.bulk import BulkTransaction
from blocklist.release.movers import movers, spoken
from blocklist.release.named import Named, rows


@dataclass(frozen=True)
class Difference:
    """What is in one release and not in the other (schema `RELEASE`), and who lists it."""

    added: pl.DataFrame
    removed: pl.DataFrame
    added_by: dict[str, int]
    removed_by: dict[str, int]


def diff(
    bulk: BulkTransaction,
    before: Named,
    after: Named,
    feeds: Iterable[str],
    only: Iterable[str] | None = None,
) -> Difference:
    """Return how one release differs from another.

    `feeds` are those that may be behind it. With `only`, what is none of these feeds' is left out:
    what comes counts as of those that list it after, what goes as of those that listed it before.
    """
    was, will = rows(bulk, before), rows(bulk, after)
    added, removed = _without(will, was), _without(was, will)
    said_before, said_after = (
        listings.load_listings(bulk, sorted(feeds), of.release.basis) for of in (before, after)
    )
    if only is not None:
        added, removed = _said(added, said_after, only), _said(removed, said_before, only)
    return Difference(added, removed, movers(added, said_after), movers(removed, said_before))


def _without(some: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    return some.join(others, on=["value", "scope", "action"], how="anti").sort("value", "scope")


def _said(changed: pl.DataFrame, listed: pl.DataFrame, only: Iterable[str]) -> pl.DataFrame:
    theirs = spoken(listed.filter(pl.col("feed").is_in(list(only))))
    return changed.join(theirs, on="value", how="semi")
