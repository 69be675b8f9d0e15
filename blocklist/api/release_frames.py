"""Load the rows of releases: references -> content of one, or the difference of two."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from blocklist.config.loader import Config
from blocklist.ledger.db.connection import open_read_only
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.releases.history import Release
from blocklist.release.gate.change_report import format_listing_feeds
from blocklist.release.history.diff import diff_releases
from blocklist.release.history.references import (
    ReleaseReference,
    find_referenced_release,
    load_referenced_rows,
)


@dataclass(frozen=True, slots=True, eq=False)
class ReleaseContent:
    """A release, or the candidate that the gate holds, and what it blocks and allows."""

    release: Release
    is_candidate: bool
    #: Why the gate holds the candidate.
    objections: tuple[str, ...]
    #: What it blocks and what operator entries allow: `kind`, `value`, `scope` and `action`.
    rows: pl.DataFrame


@dataclass(frozen=True, slots=True, eq=False)
class ReleaseComparison:
    """How one release differs from another; each may be the candidate."""

    before: ReleaseReference
    after: ReleaseReference
    #: What only the second blocks or allows, and what only the first does: `kind`, `value`,
    #: `scope` and `action`.
    added: pl.DataFrame
    removed: pl.DataFrame
    #: The feeds that list these rows, with how many each lists, most first.
    added_by: dict[str, int]
    removed_by: dict[str, int]

    def describe_feeds(self) -> tuple[str, ...]:
        """Return in words which feeds list most of the added and of the removed rows."""
        added = format_listing_feeds("added rows", self.added_by)
        return (*added, *format_listing_feeds("removed rows", self.removed_by))


def load_content(database: Path, which: str) -> ReleaseContent:
    """Return a release and its rows; raise `NotFoundError` if there is none, or it is pruned."""
    reference = _find_release(database, which)
    with read_transaction(database) as transaction:
        rows = load_referenced_rows(transaction, reference)
    objections = tuple(objection.text for objection in reference.objections)
    return ReleaseContent(reference.release, reference.is_candidate, objections, rows)


def compare_releases(
    config: Config,
    before: str,
    after: str,
    select_feeds: Callable[[Collection[str]], Sequence[str] | None],
) -> ReleaseComparison:
    """Return how two releases differ.

    `select_feeds` gets all feeds that may list a row, and returns those whose rows are wanted, None
    for all.
    """
    was, will = (_find_release(config.database, which) for which in (before, after))
    feeds = {*config.feeds, *was.release.feeds, *will.release.feeds}
    with read_transaction(config.database) as transaction:
        diff = diff_releases(transaction, was, will, feeds, select_feeds(feeds))
    return ReleaseComparison(was, will, diff.added, diff.removed, diff.added_by, diff.removed_by)


def _find_release(database: Path, which: str) -> ReleaseReference:
    with open_read_only(database) as reader:
        return find_referenced_release(reader, which)
