"""Update export files: a release's rows -> rendered, verified and installed files.

Exports that a rehearsal has prepared are installed as they are; the others are rendered first.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache

from blocklist.config.exports import Export
from blocklist.errors import ExportFailed
from blocklist.export.one import export_one, install_prepared
from blocklist.export.render.state import ExportOutcome, ExportResult, ExportState
from blocklist.export.select.release_content import ReleaseContent, load_release_content
from blocklist.export.stage.freshness import ExportInputs, file_fingerprint
from blocklist.export.stage.prepare import PreparedExport
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.releases.export_state import ExportRecord, save_export_state


def update_exports(
    book: LedgerWriter,
    wanted: list[Export],
    of: ExportInputs,
    known: Mapping[str, ExportState],
    ready: Mapping[str, PreparedExport],
    done: Callable[[ExportOutcome], None],
) -> list[ExportOutcome]:
    """Bring exports up to the release in force, one after the other; none harms another."""

    @cache
    def load_content() -> ReleaseContent:
        oldest = min((state.release for state in known.values()), default=None)
        rest = [export for export in wanted if export.name not in ready]
        return load_release_content(book, of.config, of.release, rest, of.feed_weights, oldest)

    def update_export(export: Export) -> ExportResult:
        if export.name in ready:
            return install_prepared(ready[export.name])
        rows, behind = load_content().rows_for_export(export), load_content().context_for(export)
        now = datetime.now(UTC)
        return export_one(export, rows, of.release, known.get(export.name), now, behind)

    outcomes = []
    for export in wanted:
        try:
            found = update_export(export)
        except ExportFailed as error:
            outcome = ExportOutcome(export.name, str(export.path), None, str(error))
        else:
            _record_export(book, export, found, of)
            outcome = ExportOutcome(export.name, str(export.path), found)
        outcomes.append(outcome)
        done(outcome)
    return outcomes


def _record_export(
    book: LedgerWriter, export: Export, result: ExportResult, of: ExportInputs
) -> None:
    """Record how an export stands, and what its file was made of."""
    made = ExportRecord(
        of.digest_for(export), file_fingerprint(export.path), result.rows, result.left_out
    )
    save_export_state(book, asdict(result.state), made)
