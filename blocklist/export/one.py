"""Update one export: the rows of a release -> the verified file in place, loaded by its server."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl

from blocklist.config.exports import Export
from blocklist.export.render.canary import derive_canaries
from blocklist.export.render.file_head import read_entry_count
from blocklist.export.render.state import ExportResult, ExportState
from blocklist.export.select.context import ExportContext
from blocklist.export.stage.prepare import PreparedExport, error_context, render_and_verify
from blocklist.export.verify.checker import run_checker
from blocklist.install.change import InstallChange
from blocklist.install.install import ensure_loaded, install_file


def export_one(
    export: Export,
    rows: pl.DataFrame,
    release: int,
    previous: ExportState | None,
    now: datetime,
    behind: ExportContext | None = None,
) -> ExportResult:
    """Bring one export up to a release, given as rows of `columns.schema.RELEASE`.

    The rows may have a `policy` and a `score` as `filters.chosen` adds them. `previous` is what the
    last call returned for this export: a file whose content is the same, and that nobody touched,
    stays as it is, serial and all. Raise `ExportFailed` when the new file cannot be rendered,
    proved, checked or put in place; the old one is then untouched. When the server did not load the
    new file, the old one is brought back.
    """
    return install_prepared(
        render_and_verify(export, rows, release, previous, now, behind or ExportContext())
    )


def install_prepared(ready: PreparedExport) -> ExportResult:
    """Put what is ready in place and have it loaded; raise `ExportFailed` where that fails."""
    export, new = ready.export, ready.new_file
    if new is None:
        return confirm_loaded(
            export, ExportResult(ready.state, False, ready.entry_count, ready.left_out)
        )
    notes = list[str]()

    def write_and_check(place: Path) -> None:
        new.replace(place)
        notes.extend(run_checker(export, place))

    try:
        with error_context(export):
            said = install_file(
                _make_install_change(export, ready.state, ready.previous, ready.entry_count),
                write_and_check,
            )
    finally:
        ready.discard()
    seen = bool(export.installation.probe)
    return ExportResult(
        ready.state, True, ready.entry_count, ready.left_out, tuple(notes), said, seen
    )


def confirm_loaded(export: Export, stays: ExportResult) -> ExportResult:
    """Return the result for a file that stays, after its servers have shown that they have it.

    Raise `ExportFailed` when they do not.
    """
    with error_context(export):
        said = ensure_loaded(_make_install_change(export, stays.state, stays.state, stays.rows))
    return replace(stays, said=said, loaded=bool(export.installation.probe))


def _make_install_change(
    export: Export, state: ExportState, previous: ExportState | None, rows: int
) -> InstallChange:
    return InstallChange(
        export=export,
        release=state.release,
        serial=state.serial,
        entry_count=rows,
        entry_count_before=read_entry_count(export.path),
        release_before=previous.release if previous else None,
        new_canaries=derive_canaries(export, state),
        old_canaries=derive_canaries(export, previous) if previous else None,
    )
