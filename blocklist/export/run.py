"""Run the exports: the configured exports and the current release -> one outcome for each export.

Keeps heavy imports out: a run in which nothing changed ends here.
"""

import logging
from collections.abc import Callable, Iterable

from blocklist.atomic_files import remove_leftovers
from blocklist.config.exports import Export
from blocklist.config.loader import Config
from blocklist.config.mistakes import suggest_name
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

logger = logging.getLogger(__name__)


def select_exports(config: Config, names: Iterable[str]) -> list[Export]:
    """Return the exports of these names, or all; raise `NotFoundError` for unknown names."""
    for name in names:
        if name not in config.exports:
            raise NotFoundError(f"{name}: no such export{suggest_name(name, config.exports)}")
    return [config.exports[name] for name in names] or list(config.exports.values())


def run_exports(
    writer: LedgerWriter,
    config: Config,
    exports: list[Export],
    on_outcome: Callable[[ExportOutcome], None],
    rehearsal: Rehearsal | None = None,
) -> list[ExportOutcome]:
    """Bring each export up to date; call `on_outcome` after each, and return all outcomes.

    A failing export does not stop the others. A fresh file is neither rendered nor read, and an
    export that a `rehearsal` has prepared for this release is not rendered again. Raise
    `NotFoundError` if there is no release yet.
    """
    with read_transaction(writer.database) as transaction:
        reader = transaction.connection
        current = current_release(reader)
        if current is None:
            raise NotFoundError("there is no release to export yet; run: blocklist run")
        states, records = load_matching_states(reader, exports), load_export_records(reader)
        inputs = load_export_inputs(config, reader, current.number)
    prepared = rehearsal.exports_for_release(current.number) if rehearsal else {}
    outcomes = {}
    for export in exports:
        if export.name not in prepared:
            remove_leftovers(export.path)  # of a run that was killed
        record, state = records.get(export.name), states.get(export.name)
        if record and state and is_export_fresh(export, record, inputs):
            outcomes[export.name] = _confirm_fresh(export, state, record)
            on_outcome(outcomes[export.name])
    if rest := [export for export in exports if export.name not in outcomes]:
        from blocklist.export.update import update_exports

        updated = update_exports(writer, rest, inputs, states, prepared, on_outcome)
        outcomes |= {outcome.name: outcome for outcome in updated}
    return [outcomes[export.name] for export in exports]


def _confirm_fresh(export: Export, state: ExportState, record: ExportRecord) -> ExportOutcome:
    """Leave a fresh file as it is; if there is a probe, its servers must show that they have it."""
    logger.info("export %s: unchanged, %s is up to date", export.name, export.path)
    result = ExportResult(state, False, record.row_count, record.left_out)
    if export.installation.probe:
        from blocklist.export.update import confirm_loaded

        try:
            result = confirm_loaded(export, result)
        except ExportFailed as error:
            logger.info("export %s: failed: %s", export.name, error)
            return ExportOutcome(export.name, str(export.path), None, str(error))
    return ExportOutcome(export.name, str(export.path), result)
