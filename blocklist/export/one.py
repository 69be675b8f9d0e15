"""One export from the release to the file in its place."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl

from blocklist.config import Export
from blocklist.export import canary, written
from blocklist.export.behind import Behind
from blocklist.export.checker import check
from blocklist.export.prepared import Ready, naming, prepared
from blocklist.export.state import ExportResult, ExportState
from blocklist.install import Change, install, look_after


def export_one(
    export: Export,
    rows: pl.DataFrame,
    release: int,
    previous: ExportState | None,
    now: datetime,
    behind: Behind | None = None,
) -> ExportResult:
    """Bring one export up to a release, given as rows of `columns.schema.RELEASE`.

    The rows may have a `policy` and a `score` as `filters.chosen` adds them. `previous` is what the
    last call returned for this export: a file whose content is the same, and that nobody touched,
    stays as it is, serial and all. Raise `ExportFailed` when the new file cannot be rendered,
    proved, checked or put in place; the old one is then untouched. When the server did not load the
    new file, the old one is brought back.
    """
    return placed(prepared(export, rows, release, previous, now, behind or Behind()))


def placed(ready: Ready) -> ExportResult:
    """Put what is ready in place and have it loaded; raise `ExportFailed` where that fails."""
    export, new = ready.export, ready.file
    if new is None:
        return looked_after(export, ExportResult(ready.state, False, ready.rows, ready.left_out))
    notes = list[str]()

    def finish(place: Path) -> None:
        new.replace(place)
        notes.extend(check(export, place))

    try:
        with naming(export):
            said = install(_change(export, ready.state, ready.previous, ready.rows), finish)
    finally:
        ready.drop()
    seen = bool(export.installation.probe)
    return ExportResult(ready.state, True, ready.rows, ready.left_out, tuple(notes), said, seen)


def looked_after(export: Export, stays: ExportResult) -> ExportResult:
    """Return the result for a file that stays, after its servers have shown that they have it.

    Raise `ExportFailed` when they do not.
    """
    with naming(export):
        said = look_after(_change(export, stays.state, stays.state, stays.rows))
    return replace(stays, said=said, loaded=bool(export.installation.probe))


def _change(export: Export, state: ExportState, previous: ExportState | None, rows: int) -> Change:
    return Change(
        export=export,
        release=state.release,
        serial=state.serial,
        rows=rows,
        rows_before=written.entries(export.path),
        release_before=previous.release if previous else None,
        new=canary.canaries(export, state),
        old=canary.canaries(export, previous) if previous else None,
    )
