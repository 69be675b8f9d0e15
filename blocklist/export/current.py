"""Load the state of exports: ledger -> the current release, and what was last written for each."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from blocklist.config.exports import Export
from blocklist.config.loader import Config
from blocklist.errors import NotFoundError
from blocklist.export.render.state import ExportState
from blocklist.export.stage.freshness import (
    EMPTY_DIGEST,
    ExportInputs,
    is_export_fresh,
    is_hot_zone_fresh,
    load_export_inputs,
    load_matching_states,
)
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.releases.export_state import ExportRecord, load_export_records
from blocklist.ledger.releases.history import Release, current_release


@dataclass(frozen=True)
class CurrentExports:
    """The current release and the exports, as they are in one moment."""

    release: Release
    inputs: ExportInputs
    states: dict[str, ExportState]
    records: dict[str, ExportRecord]

    def is_fresh(self, export: Export) -> bool:
        """Return whether the file of an export is that of the current release."""
        record = self.records.get(export.name)
        return export.name in self.states and is_export_fresh(export, record, self.inputs)

    def has_known_base(self, export: Export, *, may_be_replaced: bool) -> bool:
        """Return whether the base zone in force is that of the release stored with it.

        While another process may replace its file, the file is not compared.
        """
        record = self.records.get(export.name)
        if record is None or export.name not in self.states:
            return False
        inputs = replace(self.inputs, release=record.content_release)
        if may_be_replaced:
            return record.inputs_digest == inputs.digest_for(export)
        return is_export_fresh(export, record, inputs)

    def needs_hot_zone(self, export: Export) -> bool:
        """Return whether the hot zone of an export, or what is left of it, has to be written."""
        if export.zone is None:
            return False
        hot = export.as_hot()
        if export.hot:
            return not is_hot_zone_fresh(export, self.records.get(hot.name), self.inputs)
        state = self.states.get(hot.name)
        return state is not None and state.digest != EMPTY_DIGEST


def load_current_exports(
    database: Path, config: Config, exports: Iterable[Export]
) -> CurrentExports:
    """Return the state of exports and of their hot zones; raise `NotFoundError` without release."""
    exports = list(exports)
    hot_zones = [export.as_hot() for export in exports if export.zone]
    with read_transaction(database) as transaction:
        reader = transaction.connection
        current = current_release(reader)
        if current is None:
            raise NotFoundError("there is no release to export yet; run: blocklist run")
        return CurrentExports(
            current,
            load_export_inputs(config, reader, current.number),
            load_matching_states(reader, [*exports, *hot_zones]),
            load_export_records(reader),
        )
