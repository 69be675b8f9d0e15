"""Plan patches: a proposed release and the files in place -> the exports that can be patched."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from blocklist.config.exports import Export
from blocklist.config.feeds import RESOLVED_FEED
from blocklist.config.loader import Config
from blocklist.export.incremental.families import TouchedFamilies, find_touched_families
from blocklist.export.incremental.patch import FileInPlace, is_patchable, patch_and_verify
from blocklist.export.incremental.splice import NotPatchable
from blocklist.export.render.state import ExportState
from blocklist.export.select.filters import list_feed_credits
from blocklist.export.select.release_content import ExportContext
from blocklist.export.stage.freshness import (
    is_export_fresh,
    load_export_inputs,
    load_matching_states,
)
from blocklist.export.stage.prepare import PreparedExport, VerificationFailed
from blocklist.ledger.db.bulk import BulkTransaction
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.feeds.listings import select_active_feeds
from blocklist.ledger.releases.export_state import load_export_records
from blocklist.ledger.releases.verdicts import source_run
from blocklist.release.proposal import ProposedRelease


@dataclass(frozen=True)
class PatchPlan:
    """What it takes to make new files of those in place."""

    release: int
    families: TouchedFamilies
    #: The files in place, by the names of their exports.
    files_in_place: dict[str, FileInPlace]
    contexts: dict[str, ExportContext]
    #: Tells a person what could not be proved.
    say: Callable[[str], None]

    def patch_export(self, export: Export) -> PreparedExport | None:
        """Return the export, ready and proved; none where it is to be rendered whole.

        What could not be proved so may be right when it is rendered whole, or wrong for good.
        """
        standing, behind = self.files_in_place[export.name], self.contexts[export.name]
        now = datetime.now(UTC)
        try:
            return patch_and_verify(export, self.families, standing, self.release, now, behind)
        except NotPatchable:
            return None
        except VerificationFailed as fault:
            self.say(f"{fault}; rendering it whole")
            return None


def plan_patches(
    book: LedgerWriter,
    config: Config,
    prospect: ProposedRelease,
    wanted: list[Export],
    watched: pl.DataFrame,
    say: Callable[[str], None],
) -> PatchPlan | None:
    """Return how exports are altered for a release, or none where all are to be rendered whole."""
    past = prospect.release.number - 1
    simple = [export for export in wanted if is_patchable(export)]
    with book.open_connection() as db:
        known, made = load_matching_states(db, simple), load_export_records(db)
        of = load_export_inputs(config, db, past) if past else None
    same = [
        one
        for one in simple
        if of
        and one.name in known
        and is_export_fresh(
            one, made.get(one.name), of
        )  # nothing is known of a file from an older version
        and _is_of_this_week(known[one.name])
    ]
    if not same or prospect.current_verdicts is None:
        return None
    families = find_touched_families(prospect.current_verdicts, prospect.change)
    if families is None:
        return None
    enabled = [feed.name for feed in config.feeds.values() if feed.enabled]
    with BulkTransaction(book.database) as bulk:
        runs = source_run(bulk, past), prospect.release.basis
        spoke, speak = (select_active_feeds(bulk, enabled, run) for run in runs)
        behind_names = any(select_active_feeds(bulk, [RESOLVED_FEED.name], run) for run in runs)
    if behind_names:
        return None  # what counts as left out may be otherwise though no verdict is

    def credits_for(export: Export, names: list[str]) -> tuple[str, ...]:
        return list_feed_credits(export, [config.feeds[name] for name in names])

    return PatchPlan(
        prospect.release.number,
        families,
        {
            one.name: FileInPlace(known[one.name], made[one.name], credits_for(one, spoke))
            for one in same
        },
        {one.name: ExportContext(credits_for(one, speak), lambda: watched) for one in same},
        say,
    )


def _is_of_this_week(state: ExportState) -> bool:
    """Return whether a file was written this week; the first of each is rendered and read whole."""
    week, this_week = (
        day.isocalendar()[:2] for day in (datetime.fromisoformat(state.written), datetime.now(UTC))
    )
    return week == this_week
