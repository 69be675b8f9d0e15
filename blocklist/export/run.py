"""Run the exports: the configured exports and the current release -> one outcome an export.

Keeps heavy imports out: a run in which nothing changed ends here.
"""

from collections.abc import Callable, Iterable

from blocklist.atomic_files import remove_leftovers
from blocklist.config.exports import Export
from blocklist.config.loader import Config
from blocklist.config.toml import suggest_name
from blocklist.errors import ExportFailed, NotFoundError
from blocklist.export.rehearsal import Rehearsal
from blocklist.export.render.state import ExportOutcome, ExportResult, ExportState
from blocklist.export.stage.freshness import (
    is_export_fresh,
    load_export_inputs,
    load_matching_states,
)
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.releases.export_state import ExportRecord, load_export_records
from blocklist.ledger.releases.history import current_release


def select_exports(config: Config, names: Iterable[str]) -> list[Export]:
    """Return the exports of these names, or all; raise `NotFoundError` for unknown ones."""
    for name in names:
        if name not in config.exports:
            raise NotFoundError(f"{name}: no such export{suggest_name(name, config.exports)}")
    return [config.exports[name] for name in names] or list(config.exports.values())


def run_exports(
    book: LedgerWriter,
    config: Config,
    wanted: list[Export],
    done: Callable[[ExportOutcome], None],
    rehearsal: Rehearsal | None = None,
) -> list[ExportOutcome]:
    """Bring each export up to date, tell `done` of it, and return all; none harms another.

    A file that is as it was left, and would be the same again, is neither rendered nor read, and
    what a `rehearsal` has ready for this release is not rendered again. Raise `NotFoundError` when
    there is no release yet.
    """
    with read_transaction(book.database) as transaction:
        reader = transaction.connection
        current = current_release(reader)
        if current is None:
            raise NotFoundError("there is no release to export yet; run: blocklist run")
        known, made = load_matching_states(reader, wanted), load_export_records(reader)
        of = load_export_inputs(config, reader, current.number)
    ready = rehearsal.exports_for_release(current.number) if rehearsal else {}
    outcomes = {}
    for export in wanted:
        if export.name not in ready:
            remove_leftovers(export.path)  # of what a run that was killed left beside it
        found, state = made.get(export.name), known.get(export.name)
        if found and state and is_export_fresh(export, found, of):
            outcomes[export.name] = _confirm_unchanged(export, state, found)
            done(outcomes[export.name])
    if rest := [export for export in wanted if export.name not in outcomes]:
        from blocklist.export.update import update_exports

        outcomes |= {one.name: one for one in update_exports(book, rest, of, known, ready, done)}
    return [outcomes[export.name] for export in wanted]


def _confirm_unchanged(export: Export, state: ExportState, made: ExportRecord) -> ExportOutcome:
    """Leave a file as it is; only its server, if it can be asked, must show that it has it."""
    result = ExportResult(state, False, made.row_count, made.left_out)
    if export.installation.probe:
        from blocklist.export.update import confirm_loaded

        try:
            result = confirm_loaded(export, result)
        except ExportFailed as error:
            return ExportOutcome(export.name, str(export.path), None, str(error))
    return ExportOutcome(export.name, str(export.path), result)
