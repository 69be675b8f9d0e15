"""Find untouched exports: a release of entries alone -> the files that it cannot change.

A firewall's set of networks, for example, stays as it is when a name is allowed.
"""

import logging

import polars as pl

from blocklist.config.exports import Export
from blocklist.config.loader import Config
from blocklist.export.stage.freshness import (
    is_export_fresh,
    load_export_inputs,
    load_matching_states,
)
from blocklist.export.stage.prepare import PreparedExport
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.releases.export_state import ExportRecord, load_export_records
from blocklist.ledger.releases.verdicts import VerdictChange, source_run
from blocklist.model import Verdict
from blocklist.release.proposal import ProposedRelease

logger = logging.getLogger(__name__)


def find_untouched_exports(
    writer: LedgerWriter, config: Config, proposal: ProposedRelease, exports: list[Export]
) -> dict[str, PreparedExport]:
    """Return the exports, by name, whose files are right for a proposed release as they are.

    The file is that of the current release, no verdict changes on anything of its kinds, and the
    listings are the same. Exports with filters are rendered, because they may count other rows.
    """
    current, changed = proposal.release.number - 1, proposal.change
    if not current:
        return {}
    with read_transaction(writer.database) as transaction:
        reader = transaction.connection
        if source_run(transaction, current) != proposal.release.basis:
            return {}
        states, records = load_matching_states(reader, exports), load_export_records(reader)
        inputs = load_export_inputs(config, reader, current)
    kinds = set(proposal.values_to_change()["kind"].unique())
    return {
        export.name: PreparedExport(
            export,
            proposal.release.number,
            states[export.name],
            states[export.name],
            records[export.name].row_count,
            _count_left_out(export, records[export.name], changed),
            new_file=None,
        )
        for export in exports
        if export.name in states
        and not kinds & {kind.value for kind in export.target.kinds}
        and _takes_all_rows(export)
        and is_export_fresh(export, records.get(export.name), inputs)
    }


def _takes_all_rows(export: Export) -> bool:
    """Return whether an export takes all rows of a release, apart from their kinds."""
    uses_facts = export.needs_listings or export.needs_countries or export.alive
    return not (uses_facts or export.held_pages or export.kinds)


def _count_left_out(export: Export, record: ExportRecord, change: VerdictChange) -> dict[str, int]:
    """Return the counts of rows that the file leaves out, as rendering would count them."""
    counts = dict(record.left_out)
    for rows, sign in ((change.new, 1), (change.old, -1)):
        blocks = rows.filter(pl.col("verdict") == Verdict.BLOCK.value)
        for kind, count in blocks["kind"].value_counts().iter_rows():
            key = f"kind-{kind}"
            counts[key] = counts.get(key, 0) + sign * count
    return {key: count for key, count in counts.items() if count}
