"""A release as exports take it: its rows, who stands behind them, and what must not go wrong."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import polars as pl

from blocklist.catalogue import Feed
from blocklist.config import Config, Export
from blocklist.export import filters, seen
from blocklist.export.behind import Behind
from blocklist.export.filters import Evidence
from blocklist.export.meaning import PLACE, by_family
from blocklist.export.seen import Seen
from blocklist.ledger import listings, releases
from blocklist.ledger.book import LedgerWriter
from blocklist.ledger.bulk import BulkTransaction
from blocklist.ledger.votes import FeedWeight
from blocklist.release.prospect import Prospect


@dataclass(frozen=True)
class Content:
    """What a release has for exports."""

    number: int
    #: Schema `RELEASE` and `PLACE`; and the same with the held pages, where an export takes them.
    rows: pl.DataFrame
    pages: pl.DataFrame
    evidence: Evidence | None
    seen: Seen
    #: The enabled feeds that listed anything when it was judged.
    speaking: list[Feed]
    #: Gives `kind` and `value` of what the proof asks for in any case.
    watched: Callable[[], pl.DataFrame]

    def taken(self, export: Export) -> pl.DataFrame:
        """Return the rows that an export takes."""
        rows = self.pages if export.held_pages else self.rows
        return filters.chosen(export, seen.chosen(export, rows, self.seen), self.evidence)

    def behind(self, export: Export) -> Behind:
        """Return what an export is told beside its rows."""
        return Behind(filters.credits_of(export, self.speaking), self.watched)


@dataclass(frozen=True)
class _Told:
    """What exports need to know of a release beside its rows."""

    number: int
    #: The run after which feeds listed what it was judged from.
    basis: int
    votes: list[FeedWeight]
    own: pl.Series
    watched: Callable[[], pl.DataFrame]


def in_force(
    book: LedgerWriter,
    config: Config,
    number: int,
    wanted: list[Export],
    votes: list[FeedWeight],
    oldest: int | None,
) -> Content:
    """Return what the release in force has; files may still be of releases since the `oldest`."""
    with BulkTransaction(book.database) as bulk:
        rows = releases.export_rows(bulk, number)
        pages = releases.held_urls(bulk, number) if _asks_for_pages(wanted) else None
        own, basis = releases.operator_blocks(bulk, number), releases.source_run(bulk, number)

    @cache
    def watched() -> pl.DataFrame:
        with BulkTransaction(book.database) as bulk:
            return releases.values_to_verify(bulk, number, oldest)

    return _content(book, config, wanted, rows, pages, _Told(number, basis, votes, own, watched))


def of_prospect(
    book: LedgerWriter,
    config: Config,
    prospect: Prospect,
    wanted: list[Export],
    watched: pl.DataFrame,
) -> Content:
    """Return what a release would have that is not out yet, and follows the one in force."""
    release, own = prospect.release, prospect.own_blocks()
    rows = prospect.rows()
    pages = prospect.pages() if _asks_for_pages(wanted) else None
    told = _Told(release.number, release.basis, prospect.votes, own, lambda: watched)
    return _content(book, config, wanted, rows, pages, told)


def watched(book: LedgerWriter, prospect: Prospect, oldest: int | None) -> pl.DataFrame:
    """Return what the proof of a release that is not out yet asks for in any case.

    Files may still be of releases since the `oldest`.
    """
    if oldest is None:
        return prospect.watched()
    with BulkTransaction(book.database) as bulk:
        before = releases.values_to_verify(bulk, prospect.release.number - 1, oldest)
    return pl.concat([prospect.watched(), prospect.changed(), before])


def _asks_for_pages(wanted: list[Export]) -> bool:
    return any(export.held_pages for export in wanted)


def _content(
    book: LedgerWriter,
    config: Config,
    wanted: list[Export],
    rows: pl.DataFrame,
    pages: pl.DataFrame | None,
    told: _Told,
) -> Content:
    asked = any(export.asks_who for export in wanted)
    enabled = [feed.name for feed in config.feeds.values() if feed.enabled]
    # Each export keeps this order, so that the key it goes by is made once.
    rows = every = by_family(rows).with_row_index(PLACE)
    if pages is not None:
        every = pl.concat([rows, filters.pages(pages)], how="diagonal")
    with BulkTransaction(book.database) as bulk:
        known = filters.evidence(bulk, config, told.basis, told.own, told.votes) if asked else None
        looked = seen.of(bulk, config, told.basis, every, told.own, wanted)
        names = listings.select_active_feeds(bulk, enabled, told.basis)
    speaking = [config.feeds[name] for name in names]
    return Content(told.number, rows, every, known, looked, speaking, told.watched)
