"""Patch exports: a proposed release and the files in place -> the exports that could be patched."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import polars as pl

from blocklist.atomic_files import remove_leftovers
from blocklist.config.exports import Export
from blocklist.config.feeds import RESOLVED_FEED, Feed
from blocklist.config.loader import Config
from blocklist.config.targets import TargetContent
from blocklist.errors import ExportFailed
from blocklist.export.incremental.entry_names import can_extract_names
from blocklist.export.incremental.families import TouchedFamilies, find_touched_families
from blocklist.export.incremental.file_patch import FileInPlace, patch_file
from blocklist.export.incremental.splice import NotPatchable
from blocklist.export.render.state import ExportState
from blocklist.export.select.filters import list_feed_credits
from blocklist.export.stage.freshness import (
    is_export_fresh,
    load_export_inputs,
    load_matching_states,
)
from blocklist.export.stage.prepare import PreparedExport, VerificationFailed
from blocklist.frames.parallel import map_in_order
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.feeds.listings import select_active_feeds
from blocklist.ledger.releases.export_state import load_export_records
from blocklist.ledger.releases.history import Release
from blocklist.ledger.releases.verdicts import source_run
from blocklist.model import Kind
from blocklist.release.proposal import ProposedRelease

logger = logging.getLogger(__name__)

#: More threads need more memory than they save time.
_MAX_PARALLEL = 2


def patch_exports(
    writer: LedgerWriter,
    config: Config,
    proposal: ProposedRelease,
    exports: list[Export],
    must_verify: pl.DataFrame,
    on_message: Callable[[str], None],
) -> dict[str, PreparedExport]:
    """Return the exports, by name, whose new files could be made from the files in place.

    Every other export must be rendered whole. `must_verify` has the `kind` and `value` that
    verification always queries; `on_message` gets one line for each patch that failed verification.

    This is a second way to write and to verify each file, and it must earn its place: build six
    million names, change 1 % of one feed, and divide the time of that run by the time of `sort` on
    the same lines. Unless the quotient falls below 1.5 with this package, delete the package and
    its one call. The quotient was 2.6 when the rule was written.
    """
    files = _find_files_in_place(writer, config, proposal.release, exports)
    families = find_touched_families(proposal.verdicts, proposal.change) if files else None
    if families is None:
        return {}
    logger.debug("%d files can be patched, %d names changed", len(files), len(families.top_names))
    patch = partial(_patch_or_skip, families, proposal.release.number, must_verify, on_message)
    results = map_in_order(patch, files, _MAX_PARALLEL)
    return {prepared.export.name: prepared for prepared in results if prepared is not None}


def is_patchable(export: Export) -> bool:
    """Return whether the file of an export depends only on the release's rows for names."""
    target = export.target
    uses_facts = export.needs_listings or export.needs_countries or export.alive
    takes_all_names = not (export.held_pages or export.kinds or export.has_allow_list)
    only_blocked_names = target.kinds == (Kind.DOMAIN,) and target.lists is TargetContent.BLOCKS
    return (
        only_blocked_names
        and takes_all_names
        and not uses_facts
        and not target.foot
        and can_extract_names(export)
    )


def _find_files_in_place(
    writer: LedgerWriter, config: Config, release: Release, exports: list[Export]
) -> list[FileInPlace]:
    """Return the patchable exports whose files are exactly those of the current release."""
    current = release.number - 1
    patchable = [export for export in exports if is_patchable(export)]
    if not current or not patchable:
        return []
    with read_transaction(writer.database) as transaction:
        reader = transaction.connection
        states, records = load_matching_states(reader, patchable), load_export_records(reader)
        inputs = load_export_inputs(config, reader, current)
    fresh = [
        export
        for export in patchable
        if export.name in states
        and is_export_fresh(export, records.get(export.name), inputs)
        and _is_of_this_week(states[export.name])
    ]
    listing_feeds = _load_listing_feeds(writer, config, release) if fresh else None
    if listing_feeds is None:
        return []
    return [
        FileInPlace(
            export,
            states[export.name],
            records[export.name],
            *(list_feed_credits(export, feeds) for feeds in listing_feeds),
        )
        for export in fresh
    ]


def _is_of_this_week(state: ExportState) -> bool:
    """Return whether a file was written this week; the first of each week is rendered whole."""
    written, now = datetime.fromisoformat(state.written), datetime.now(UTC)
    return written.isocalendar()[:2] == now.isocalendar()[:2]


def _load_listing_feeds(
    writer: LedgerWriter, config: Config, release: Release
) -> tuple[list[Feed], list[Feed]] | None:
    """Return the feeds that list anything in the current release, and those in the next one.

    Return None if addresses from DNS are listed: the count of left-out rows may then differ though
    no verdict does.
    """
    enabled = [feed.name for feed in config.feeds.values() if feed.enabled]
    with read_transaction(writer.database) as transaction:
        runs = source_run(transaction, release.number - 1), release.basis
        if any(select_active_feeds(transaction, [RESOLVED_FEED.name], run) for run in runs):
            return None
        old, new = (select_active_feeds(transaction, enabled, run) for run in runs)
    return [config.feeds[name] for name in old], [config.feeds[name] for name in new]


def _patch_or_skip(
    families: TouchedFamilies,
    release: int,
    must_verify: pl.DataFrame,
    on_message: Callable[[str], None],
    file: FileInPlace,
) -> PreparedExport | None:
    """Return the prepared export, or None if it must be rendered whole.

    A patch that fails verification may be right when it is rendered whole, or wrong again.
    """
    name = file.export.name
    remove_leftovers(file.export.path)
    try:
        prepared = patch_file(file, families, release, datetime.now(UTC), must_verify)
    except NotPatchable:
        logger.debug("export %s: the file in place cannot be patched", name)
    except VerificationFailed as error:
        on_message(f"{error}; rendering it whole")
    except ExportFailed as error:
        logger.debug("export %s: cannot be patched: %s", name, error)
    else:
        logger.info("export %s: patched the file in place for release %d", name, release)
        return prepared
    return None
