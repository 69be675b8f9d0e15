"""Load a release for exports: ledger -> rows, listing evidence, DNS data and listing feeds."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import polars as pl

from blocklist.config.exports import Export
from blocklist.config.feeds import Feed
from blocklist.config.loader import Config
from blocklist.export.render.precedence import FAMILY_ORDER, sort_by_family
from blocklist.export.select.dns_filters import DnsFilterData, filter_by_dns, load_dns_filter_data
from blocklist.export.select.filters import (
    ListingEvidence,
    filter_rows,
    list_feed_credits,
    load_listing_evidence,
    select_blockable_urls,
)
from blocklist.frames.schemas import RELEASE
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.feeds.listings import find_emptied_kinds, select_active_feeds
from blocklist.ledger.releases import verdicts
from blocklist.model import FeedWeight, Kind
from blocklist.release.proposal import ProposedRelease

_MUST_VERIFY_SCHEMA = pl.Schema({name: RELEASE[name] for name in ("kind", "value")})


@dataclass(frozen=True)
class ExportContext:
    """What an export gets beside its rows."""

    #: Names and terms of the feeds whose entries may be in the file, for its head.
    feed_credits: tuple[str, ...] = ()
    #: Return `kind` and `value` of the values that verification always queries.
    must_verify: Callable[[], pl.DataFrame] = _MUST_VERIFY_SCHEMA.to_frame
    #: Whether the export may become empty, because the empty list of a feed was accepted.
    may_be_empty: bool = False


@dataclass(frozen=True)
class ExportContent:
    """The content of a release from which exports select their rows."""

    number: int
    #: Schema `RELEASE` and `FAMILY_ORDER`.
    rows: pl.DataFrame
    #: The same with the held URLs that a proxy can block, if any export takes them.
    rows_with_held_urls: pl.DataFrame
    evidence: ListingEvidence | None
    dns_data: DnsFilterData
    #: The enabled feeds that listed anything when the release was judged.
    listing_feeds: list[Feed]
    #: The kinds that feeds in use listed before their empty list was accepted.
    emptied_kinds: set[Kind]
    #: Return `kind` and `value` of the values that verification always queries.
    must_verify: Callable[[], pl.DataFrame]

    def rows_for_export(self, export: Export) -> pl.DataFrame:
        """Return the rows that an export takes."""
        rows = self.rows_with_held_urls if export.held_pages else self.rows
        return filter_rows(export, filter_by_dns(export, rows, self.dns_data), self.evidence)

    def context_for(self, export: Export) -> ExportContext:
        """Return what an export gets beside its rows."""
        credits = list_feed_credits(export, self.listing_feeds)
        may_be_empty = not self.emptied_kinds.isdisjoint(export.target.kinds)
        return ExportContext(credits, self.must_verify, may_be_empty)


@dataclass(frozen=True)
class _ReleaseFacts:
    """Facts of a release, beside its rows, on which its exports depend."""

    number: int
    #: The release was judged from the listings after this run.
    source_run: int
    feed_weights: list[FeedWeight]
    operator_blocks: pl.Series
    must_verify: Callable[[], pl.DataFrame]


def load_release_content(
    writer: LedgerWriter,
    config: Config,
    number: int,
    exports: list[Export],
    feed_weights: list[FeedWeight],
    oldest: int | None,
) -> ExportContent:
    """Return the content of the current release.

    The files in place may be of any release since `oldest`; None means that there are no files.
    """
    with read_transaction(writer.database) as transaction:
        rows = verdicts.export_rows(transaction, number)
        held_urls = verdicts.held_urls(transaction, number) if _needs_held_urls(exports) else None
        operator_blocks = verdicts.operator_blocks(transaction, number)
        source_run = verdicts.source_run(transaction, number)

    @cache
    def query_must_verify() -> pl.DataFrame:
        with read_transaction(writer.database) as transaction:
            return verdicts.values_to_verify(transaction, number, oldest)

    release = _ReleaseFacts(number, source_run, feed_weights, operator_blocks, query_must_verify)
    return _assemble_content(writer, config, exports, rows, held_urls, release)


def load_proposal_content(
    writer: LedgerWriter,
    config: Config,
    proposal: ProposedRelease,
    exports: list[Export],
    must_verify: pl.DataFrame,
) -> ExportContent:
    """Return the content of a proposed release, which is to follow the current one."""
    release = _ReleaseFacts(
        proposal.release.number,
        proposal.release.basis,
        proposal.feed_weights,
        proposal.operator_blocks(),
        lambda: must_verify,
    )
    held_urls = proposal.held_urls() if _needs_held_urls(exports) else None
    return _assemble_content(writer, config, exports, proposal.export_rows(), held_urls, release)


def collect_must_verify(
    writer: LedgerWriter, proposal: ProposedRelease, oldest: int | None
) -> pl.DataFrame:
    """Return `kind` and `value` that verification of a proposed release always queries.

    The files in place may be of any release since `oldest`; None means that there are no files.
    """
    if oldest is None:
        return proposal.must_verify()
    with read_transaction(writer.database) as transaction:
        before = verdicts.values_to_verify(transaction, proposal.release.number - 1, oldest)
    return pl.concat([proposal.must_verify(), proposal.values_to_change(), before])


def _needs_held_urls(exports: list[Export]) -> bool:
    return any(export.held_pages for export in exports)


def _assemble_content(
    writer: LedgerWriter,
    config: Config,
    exports: list[Export],
    rows: pl.DataFrame,
    held_urls: pl.DataFrame | None,
    release: _ReleaseFacts,
) -> ExportContent:
    # Each export keeps this order, so that the sort key is computed once.
    rows = all_rows = sort_by_family(rows).with_row_index(FAMILY_ORDER)
    if held_urls is not None:
        all_rows = pl.concat([rows, select_blockable_urls(held_urls)], how="diagonal")
    enabled = [feed.name for feed in config.feeds.values() if feed.enabled]
    source_run, operator_blocks = release.source_run, release.operator_blocks
    evidence = None
    with read_transaction(writer.database) as transaction:
        if any(export.needs_listings for export in exports):
            evidence = load_listing_evidence(
                transaction, config, source_run, operator_blocks, release.feed_weights
            )
        dns_data = load_dns_filter_data(
            transaction, config, source_run, all_rows, operator_blocks, exports
        )
        names = select_active_feeds(transaction, enabled, source_run)
        emptied_kinds = find_emptied_kinds(transaction, enabled)
    listing_feeds = [config.feeds[name] for name in names]
    selected = (rows, all_rows, evidence, dns_data, listing_feeds, emptied_kinds)
    return ExportContent(release.number, *selected, release.must_verify)
