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
from blocklist.ledger.book import Book
from blocklist.ledger.bulk import Bulk
from blocklist.ledger.votes import Vote


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


def in_force(
    book: Book,
    config: Config,
    number: int,
    wanted: list[Export],
    votes: list[Vote],
    oldest: int | None,
) -> Content:
    """Return what the release in force has; files may still be of releases since the `oldest`."""
    asked = any(export.asks_who for export in wanted)
    enabled = [feed.name for feed in config.feeds.values() if feed.enabled]
    with Bulk(book.database) as bulk:
        rows, pages = _rows(bulk, number, wanted)
        known = filters.evidence(bulk, config, number, votes) if asked else None
        looked = seen.of(bulk, config, number, pages, wanted)
        names = listings.speaking(bulk, enabled, releases.basis(bulk, number))

    @cache
    def watched() -> pl.DataFrame:
        with Bulk(book.database) as bulk:
            return releases.watched(bulk, number, oldest)

    speaking = [config.feeds[name] for name in names]
    return Content(number, rows, pages, known, looked, speaking, watched)


def _rows(bulk: Bulk, number: int, wanted: list[Export]) -> tuple[pl.DataFrame, pl.DataFrame]:
    # Each export keeps this order, so that the key it goes by is made once.
    rows = by_family(releases.rows(bulk, number)).with_row_index(PLACE)
    if not any(export.held_pages for export in wanted):
        return rows, rows
    return rows, pl.concat([rows, filters.pages(bulk, number)], how="diagonal")
