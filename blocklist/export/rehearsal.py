"""Rehearse the exports of a proposed release: proposal -> prepared files, or the faults found.

Part of the gate: a release whose exports fail verification is not published. Prepared files are
installed later without rendering them again. Keeps heavy imports out, because most runs have
nothing to rehearse.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING

from blocklist.atomic_files import remove_leftovers
from blocklist.config.exports import Export
from blocklist.config.loader import Config
from blocklist.errors import ExportFailed
from blocklist.export.stage.freshness import load_matching_states
from blocklist.ledger.db.writer import LedgerWriter

if TYPE_CHECKING:
    from blocklist.export.render.state import ExportState
    from blocklist.export.select.release_content import ReleaseContent
    from blocklist.export.stage.prepare import PreparedExport
    from blocklist.release.proposal import ProposedRelease


#: One fills the gaps that another leaves on a core; more need more memory than they save time.
_MAX_PARALLEL = 2


class Rehearsal(AbstractContextManager["Rehearsal"]):
    """Exports that are ready for a release; at the end nothing of them is left beside a file."""

    def __init__(
        self, book: LedgerWriter, config: Config, wanted: list[Export], say: Callable[[str], None]
    ) -> None:
        self._book, self._config, self._wanted, self._say = book, config, wanted, say
        self._ready: dict[str, PreparedExport] = {}
        #: The exports of which it is known whether they can be made.
        self._settled = set[str]()

    def __call__(self, prospect: "ProposedRelease") -> list[str]:
        """Make and prove all exports of a release; return what is wrong with any, in words.

        One that cannot be written at all harms no other, and fails when its turn comes.
        """
        from blocklist.export.incremental.plan import plan_patches
        from blocklist.export.select.release_content import (
            collect_must_verify,
            load_proposal_content,
        )

        self.discard_all()
        self._settled.clear()
        if not self._wanted:
            return []
        with self._book.open_connection() as db:
            known = load_matching_states(db, self._wanted)
        oldest = min((state.release for state in known.values()), default=None)
        # Whatever the ledger is asked for, before threads share the work.
        watched = collect_must_verify(self._book, prospect, oldest)
        for export in self._wanted:
            self._say(f"proving {export.name}")
        whole = self._wanted
        few = plan_patches(self._book, self._config, prospect, whole, watched, self._say)
        if few is not None:  # what is at fault there is not yet wrong: it is rendered whole
            self._prepare_exports(
                few.patch_export, [export for export in whole if export.name in few.files_in_place]
            )
            whole = [export for export in whole if export.name not in self._settled]
        if not whole:
            return []
        release = load_proposal_content(self._book, self._config, prospect, whole, watched)
        faults = self._prepare_exports(partial(_render_whole, release, known), whole)
        if faults:
            self.discard_all()
        return faults

    def _prepare_exports(
        self, make: "Callable[[Export], PreparedExport | None]", exports: list[Export]
    ) -> list[str]:
        """Make exports and prove them, some at once; return what is wrong with any.

        One that is neither ready nor at fault nor impossible is to be made otherwise.
        """
        from blocklist.export.stage.prepare import VerificationFailed
        from blocklist.frames.parallel import map_in_order

        def prepare_export(export: Export) -> VerificationFailed | None:
            remove_leftovers(export.path)
            try:
                ready = make(export)
            except ExportFailed as fault:
                self._settled.add(export.name)
                return fault if isinstance(fault, VerificationFailed) else None
            if ready is not None:
                self._ready[export.name] = ready
                self._settled.add(export.name)
            return None

        return [
            str(fault) for fault in map_in_order(prepare_export, exports, _MAX_PARALLEL) if fault
        ]

    def exports_for_release(self, release: int) -> "dict[str, PreparedExport]":
        """Return what is ready for a release, by the exports' names."""
        return {name: ready for name, ready in self._ready.items() if ready.release == release}

    def discard_all(self) -> None:
        """Let go of all that is ready."""
        while self._ready:
            self._ready.popitem()[1].discard()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.discard_all()


def _render_whole(
    release: "ReleaseContent", known: "Mapping[str, ExportState]", export: Export
) -> "PreparedExport":
    """Return an export rendered from all rows of a release."""
    from blocklist.export.stage.prepare import render_and_verify

    rows, behind = release.rows_for_export(export), release.context_for(export)
    before, now = known.get(export.name), datetime.now(UTC)
    return render_and_verify(export, rows, release.number, before, now, behind)
