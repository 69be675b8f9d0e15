"""Exports whose files may have to be others now: those that are ready, and those to be rendered."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache

from blocklist.config import Export
from blocklist.errors import ExportFailed
from blocklist.export import content
from blocklist.export.content import Content
from blocklist.export.one import export_one, placed
from blocklist.export.prepared import Ready
from blocklist.export.standing import Ingredients, mark
from blocklist.export.state import Exported, ExportResult, ExportState
from blocklist.ledger import exports
from blocklist.ledger.book import LedgerWriter
from blocklist.ledger.exports import ExportRecord


def renewed(
    book: LedgerWriter,
    wanted: list[Export],
    of: Ingredients,
    known: Mapping[str, ExportState],
    ready: Mapping[str, Ready],
    done: Callable[[Exported], None],
) -> list[Exported]:
    """Bring exports up to the release in force, one after the other; none harms another."""

    @cache
    def release() -> Content:
        oldest = min((state.release for state in known.values()), default=None)
        rest = [export for export in wanted if export.name not in ready]
        return content.in_force(book, of.config, of.release, rest, of.votes, oldest)

    def result(export: Export) -> ExportResult:
        if export.name in ready:
            return placed(ready[export.name])
        rows, behind = release().taken(export), release().behind(export)
        now = datetime.now(UTC)
        return export_one(export, rows, of.release, known.get(export.name), now, behind)

    outcomes = []
    for export in wanted:
        try:
            found = result(export)
        except ExportFailed as error:
            outcome = Exported(export.name, str(export.path), None, str(error))
        else:
            _save(book, export, found, of)
            outcome = Exported(export.name, str(export.path), found)
        outcomes.append(outcome)
        done(outcome)
    return outcomes


def _save(book: LedgerWriter, export: Export, result: ExportResult, of: Ingredients) -> None:
    """Record how an export stands, and what its file was made of."""
    made = ExportRecord(of.digest(export), mark(export.path), result.rows, result.left_out)
    exports.save_export_state(book, asdict(result.state), made)
