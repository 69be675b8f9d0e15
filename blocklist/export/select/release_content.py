"""Load a release for exports: ledger -> rows, listing evidence, DNS data and listing feeds."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import polars as pl

from blocklist.config.exports import Export
from blocklist.config.feeds import Feed
from blocklist.config.loader import Config
from blocklist.export.render.precedence import FAMILY_ORDER, sort_by_family
from blocklist.export.select.context import ExportContext
from blocklist.export.select.dns_filters import DnsFilterData, filter_by_dns, load_dns_filter_data
from blocklist.export.select.filters import (
    ListingEvidence,
    filter_rows,
    list_feed_credits,
    load_listing_evidence,
    select_blockable_urls,
)
from blocklist.ledger.db.bulk import BulkTransaction
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.feeds.listings import select_active_feeds
from blocklist.ledger.releases import verdicts
from blocklist.model import FeedWeight
from blocklist.release.proposal import ProposedRelease


@dataclass(frozen=True)
class ReleaseContent:
    """What a release has for exports."""

    number: int
    #: Schema `RELEASE` and `PLACE`; and the same with the held pages, where an export takes them.
    rows: pl.DataFrame
    rows_with_held_urls: pl.DataFrame
    evidence: ListingEvidence | None
    dns_data: DnsFilterData
    #: The enabled feeds that listed anything when it was judged.
    listing_feeds: list[Feed]
    #: Gives `kind` and `value` of what the proof asks for in any case.
    must_verify: Callable[[], pl.DataFrame]

    def rows_for_export(self, export: Export) -> pl.DataFrame:
        """Return the rows that an export takes."""
        rows = self.rows_with_held_urls if export.held_pages else self.rows
        return filter_rows(export, filter_by_dns(export, rows, self.dns_data), self.evidence)

    def context_for(self, export: Export) -> ExportContext:
        """Return what an export is told beside its rows."""
        return ExportContext(list_feed_credits(export, self.listing_feeds), self.must_verify)


@dataclass(frozen=True)
class _ReleaseFacts:
    """What exports need to know of a release beside its rows."""

    number: int
    #: The run after which feeds listed what it was judged from.
    source_run: int
    feed_weights: list[FeedWeight]
    operator_blocks: pl.Series
    must_verify: Callable[[], pl.DataFrame]


def load_release_content(
    book: LedgerWriter,
    config: Config,
    number: int,
    wanted: list[Export],
    votes: list[FeedWeight],
    oldest: int | None,
) -> ReleaseContent:
    """Return what the release in force has; files may still be of releases since the `oldest`."""
    with BulkTransaction(book.database) as bulk:
        rows = verdicts.export_rows(bulk, number)
        pages = verdicts.held_urls(bulk, number) if _needs_held_urls(wanted) else None
        own, basis = verdicts.operator_blocks(bulk, number), verdicts.source_run(bulk, number)

    @cache
    def query_must_verify() -> pl.DataFrame:
        with BulkTransaction(book.database) as bulk:
            return verdicts.values_to_verify(bulk, number, oldest)

    return _assemble_content(
        book,
        config,
        wanted,
        rows,
        pages,
        _ReleaseFacts(number, basis, votes, own, query_must_verify),
    )


def load_proposal_content(
    book: LedgerWriter,
    config: Config,
    prospect: ProposedRelease,
    wanted: list[Export],
    watched: pl.DataFrame,
) -> ReleaseContent:
    """Return what a release would have that is not out yet, and follows the one in force."""
    release, own = prospect.release, prospect.operator_blocks()
    rows = prospect.export_rows()
    pages = prospect.held_urls() if _needs_held_urls(wanted) else None
    told = _ReleaseFacts(release.number, release.basis, prospect.feed_weights, own, lambda: watched)
    return _assemble_content(book, config, wanted, rows, pages, told)


def collect_must_verify(
    book: LedgerWriter, prospect: ProposedRelease, oldest: int | None
) -> pl.DataFrame:
    """Return what the proof of a release that is not out yet asks for in any case.

    Files may still be of releases since the `oldest`.
    """
    if oldest is None:
        return prospect.must_verify()
    with BulkTransaction(book.database) as bulk:
        before = verdicts.values_to_verify(bulk, prospect.release.number - 1, oldest)
    return pl.concat([prospect.must_verify(), prospect.values_to_change(), before])


def _needs_held_urls(wanted: list[Export]) -> bool:
    return any(export.held_pages for export in wanted)


def _assemble_content(
    book: LedgerWriter,
    config: Config,
    wanted: list[Export],
    rows: pl.DataFrame,
    pages: pl.DataFrame | None,
    told: _ReleaseFacts,
) -> ReleaseContent:
    asked = any(export.needs_listings for export in wanted)
    enabled = [feed.name for feed in config.feeds.values() if feed.enabled]
    # Each export keeps this order, so that the key it goes by is made once.
    rows = every = sort_by_family(rows).with_row_index(FAMILY_ORDER)
    if pages is not None:
        every = pl.concat([rows, select_blockable_urls(pages)], how="diagonal")
    with BulkTransaction(book.database) as bulk:
        known = (
            load_listing_evidence(
                bulk, config, told.source_run, told.operator_blocks, told.feed_weights
            )
            if asked
            else None
        )
        looked = load_dns_filter_data(
            bulk, config, told.source_run, every, told.operator_blocks, wanted
        )
        names = select_active_feeds(bulk, enabled, told.source_run)
    speaking = [config.feeds[name] for name in names]
    return ReleaseContent(told.number, rows, every, known, looked, speaking, told.must_verify)
