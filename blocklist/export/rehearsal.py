"""Rehearse the exports of a proposed release: proposal -> prepared files, or the faults found.

Part of the gate: a release whose exports fail verification is not published. Prepared files are
installed later without rendering them again. Keeps heavy imports out, because most runs have
nothing to rehearse.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING

from blocklist.atomic_files import remove_leftovers
from blocklist.config.exports import Export
from blocklist.config.loader import Config
from blocklist.errors import ExportFailed
from blocklist.export.stage.freshness import load_matching_states
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import LedgerWriter

if TYPE_CHECKING:
    import polars as pl

    from blocklist.export.render.state import ExportState
    from blocklist.export.select.release_content import ExportContent
    from blocklist.export.stage.prepare import PreparedExport
    from blocklist.ledger.releases.history import Release
    from blocklist.release.proposal import ProposedRelease

logger = logging.getLogger(__name__)

#: Two exports at once keep both cores busy; more need more memory than they save time.
_MAX_PARALLEL = 2


class Rehearsal(AbstractContextManager["Rehearsal"]):
    """The prepared exports of a proposed release; on exit all files not installed are removed."""

    def __init__(
        self,
        writer: LedgerWriter,
        config: Config,
        exports: list[Export],
        on_message: Callable[[str], None],
    ) -> None:
        self._writer, self._config = writer, config
        self._exports, self._on_message = exports, on_message
        self._prepared: dict[str, PreparedExport] = {}
        self._release: Release | None = None

    def __bool__(self) -> bool:
        """Return whether there is any export to rehearse."""
        return bool(self._exports)

    def __call__(self, proposal: "ProposedRelease") -> list[str]:
        """Render and verify all exports of a proposed release; return the faults, one a line.

        An export that cannot be written at all is no fault of the release; it fails later, when it
        is updated.
        """
        from blocklist.export.incremental.patch import patch_exports
        from blocklist.export.incremental.untouched import find_untouched_exports
        from blocklist.export.select.release_content import collect_must_verify

        self.discard_all()
        self._release = proposal.release
        if not self._exports:
            return []
        with read_transaction(self._writer.database) as transaction:
            states = load_matching_states(transaction.connection, self._exports)
        oldest = min((state.release for state in states.values()), default=None)
        # All that the exports need from the ledger is read before threads share the work.
        must_verify = collect_must_verify(self._writer, proposal, oldest)
        self._prepared |= find_untouched_exports(
            self._writer, self._config, proposal, self._exports
        )
        touched = [export for export in self._exports if export.name not in self._prepared]
        for export in touched:
            self._on_message(f"verifying {export.name}")
        self._prepared |= patch_exports(
            self._writer, self._config, proposal, touched, must_verify, self._on_message
        )
        faults = self._render_rest(proposal, must_verify, states)
        if faults:
            self.discard_all()
        return faults

    def _render_rest(
        self,
        proposal: "ProposedRelease",
        must_verify: "pl.DataFrame",
        states: "Mapping[str, ExportState]",
    ) -> list[str]:
        """Render and verify the exports that are not prepared yet; return the faults."""
        from blocklist.export.select.release_content import load_proposal_content
        from blocklist.frames.parallel import map_in_order

        rest = [export for export in self._exports if export.name not in self._prepared]
        if not rest:
            return []
        content = load_proposal_content(self._writer, self._config, proposal, rest, must_verify)

        def prepare_export(export: Export) -> str | None:
            return self._prepare_export(export, content, states.get(export.name))

        return [fault for fault in map_in_order(prepare_export, rest, _MAX_PARALLEL) if fault]

    def _prepare_export(
        self, export: Export, content: "ExportContent", previous: "ExportState | None"
    ) -> str | None:
        """Render and verify an export from all rows of a release; return the fault, if any."""
        from blocklist.export.stage.prepare import VerificationFailed, render_and_verify

        remove_leftovers(export.path)
        rows, context = content.rows_for_export(export), content.context_for(export)
        now = datetime.now(UTC)
        try:
            prepared = render_and_verify(export, rows, content.number, previous, now, context)
        except VerificationFailed as error:
            logger.info(
                "export %s: verification failed for release %d", export.name, content.number
            )
            return str(error)
        except ExportFailed as error:
            logger.info("export %s: cannot be prepared: %s", export.name, error)
            return None
        self._prepared[export.name] = prepared
        return None

    def exports_for_release(self, release: "Release") -> "dict[str, PreparedExport]":
        """Return the exports that are prepared for a published release, by name.

        A release that another run published under the number of the proposal is not that release.
        """
        proposed = self._release
        is_same = proposed and (proposed.number, proposed.run) == (release.number, release.run)
        return self._prepared if is_same else {}

    def discard_all(self) -> None:
        """Remove the new files of all prepared exports that are not installed."""
        while self._prepared:
            self._prepared.popitem()[1].discard()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.discard_all()
