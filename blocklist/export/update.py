"""Update export files: a release's rows -> verified files in place, loaded by their servers.

Exports that a rehearsal has prepared are installed without rendering them again.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from blocklist.config.exports import Export
from blocklist.errors import ExportFailed
from blocklist.export.kernel.confirm import describe_missing, ensure_in_kernel
from blocklist.export.kernel.difference import make_difference
from blocklist.export.render.canary import derive_canaries
from blocklist.export.render.file_head import read_entry_count
from blocklist.export.render.state import ExportResult, ExportState
from blocklist.export.select.release_content import (
    ExportContent,
    ExportContext,
    load_release_content,
)
from blocklist.export.servers import make_server_results
from blocklist.export.stage.freshness import ExportInputs, file_fingerprint
from blocklist.export.stage.prepare import PreparedExport, error_context, render_and_verify
from blocklist.export.verify.verify import run_checker
from blocklist.install.change import InstallChange
from blocklist.install.install import ensure_loaded, install_file
from blocklist.install.quorum import ServerLoad
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.releases.export_health import ServerResult
from blocklist.ledger.releases.export_state import ExportRecord, save_export_state

logger = logging.getLogger(__name__)


class ExportUpdater:
    """Brings exports to a release; the rows of a release are loaded once for all of them."""

    def __init__(
        self,
        writer: LedgerWriter,
        rendered: list[Export],
        states: Mapping[str, ExportState],
    ) -> None:
        self._writer, self._rendered = writer, rendered
        self._oldest = min((state.release for state in states.values()), default=None)
        self._content: ExportContent | None = None

    def prepare(
        self,
        export: Export,
        inputs: ExportInputs,
        previous: ExportState | None,
        *,
        force: bool,
    ) -> PreparedExport:
        """Render and verify an export for the release of `inputs`; raise `ExportFailed`.

        The caller holds the lock of the export; `previous` is its state. With `force`, there is a
        new file also if the content is the same.
        """
        content, now = self._load_content(export, inputs), datetime.now(UTC)
        rows, context = content.rows_for_export(export), content.context_for(export)
        compared = replace(previous, digest="") if previous and force else previous
        prepared = render_and_verify(export, rows, inputs.release, compared, now, context)
        return replace(prepared, previous=previous)

    def _load_content(self, export: Export, inputs: ExportInputs) -> ExportContent:
        exports = list(self._rendered)
        if export not in exports:  # another process changed its file since
            exports.append(export)
            self._content = None
        if self._content is None or self._content.number != inputs.release:
            self._rendered = exports
            self._content = load_release_content(
                self._writer,
                inputs.config,
                inputs.release,
                exports,
                inputs.feed_weights,
                self._oldest,
            )
        return self._content


def export_one(
    export: Export,
    rows: pl.DataFrame,
    release: int,
    previous: ExportState | None,
    now: datetime,
    context: ExportContext | None = None,
) -> ExportResult:
    """Bring one export up to a release, given as rows of the schema `RELEASE`.

    The rows may have the columns `policy` and `score` that `filters.filter_rows` adds. `previous`
    is the state that the last call returned for this export: if the content is the same and nobody
    changed the file, the file stays, with its serial. Raise `ExportFailed` when the new file cannot
    be rendered, verified, checked or installed; the old one is then unchanged. When the server does
    not load the new file, the old one is restored.
    """
    return install_prepared(
        render_and_verify(export, rows, release, previous, now, context or ExportContext())
    )


def install_prepared(prepared: PreparedExport) -> ExportResult:
    """Install a prepared file and have it loaded; raise `ExportFailed` where that fails."""
    export, new_file = prepared.export, prepared.new_file
    if new_file is None:
        logger.info("export %s: content unchanged, %s stays", export.name, export.path)
        return confirm_loaded(
            export, ExportResult(prepared.state, False, prepared.entry_count, prepared.left_out)
        )
    notes = list[str]()

    def write_and_check(temporary: Path) -> None:
        new_file.replace(temporary)
        notes.extend(run_checker(export, temporary))

    change = _make_install_change(export, prepared.state, prepared.previous, prepared.entry_count)
    try:
        with (
            error_context(export),
            make_difference(export, prepared.previous, prepared.state, new_file) as difference,
        ):
            loaded = install_file(replace(change, difference=difference), write_and_check)
            kernel, notes_of_look = ensure_in_kernel(change, prepared.state)
    finally:
        prepared.discard()
    logger.info("export %s: wrote %s, %d entries", export.name, export.path, prepared.entry_count)
    return ExportResult(
        prepared.state,
        True,
        prepared.entry_count,
        prepared.left_out,
        tuple(notes),
        loaded.output + notes_of_look,
        loaded=bool(export.installation.probe),
        servers=_join_servers(loaded.servers, prepared.state.release, kernel),
    )


def confirm_loaded(export: Export, unchanged: ExportResult) -> ExportResult:
    """Return the result for a file that stays, after its servers have shown that they loaded it.

    Raise `ExportFailed` when too few do (`probe_quorum`).
    """
    change = _make_install_change(export, unchanged.state, unchanged.state, unchanged.rows)
    with error_context(export):
        loaded = ensure_loaded(change)
        kernel, notes_of_look = ensure_in_kernel(change, unchanged.state)
        if kernel and kernel.fault:
            raise ExportFailed(describe_missing(export, kernel))
    servers = _join_servers(loaded.servers, unchanged.state.release, kernel)
    is_probed = bool(export.installation.probe)
    said = loaded.output + notes_of_look
    return replace(unchanged, said=said, loaded=is_probed, servers=servers)


def _join_servers(
    loads: Iterable[ServerLoad], release: int, kernel: ServerResult | None
) -> tuple[ServerResult, ...] | None:
    """Return the DNS servers of an export and the kernel, or None if nobody looked."""
    return (*make_server_results(loads, release), *([kernel] if kernel else [])) or None


def _make_install_change(
    export: Export, state: ExportState, previous: ExportState | None, entry_count: int
) -> InstallChange:
    return InstallChange(
        export=export,
        release=state.release,
        serial=state.serial,
        entry_count=entry_count,
        entry_count_before=read_entry_count(export.path),
        release_before=previous.release if previous else None,
        new_canaries=derive_canaries(export, state),
        old_canaries=derive_canaries(export, previous) if previous else None,
    )


def record_export(
    writer: LedgerWriter, export: Export, inputs: ExportInputs, result: ExportResult
) -> None:
    """Store the state of an export and the digest of the inputs of its file."""
    record = ExportRecord(
        inputs.digest_for(export),
        file_fingerprint(export.path),
        result.rows,
        result.left_out,
        inputs.release,
    )
    save_export_state(writer, asdict(result.state), record)
