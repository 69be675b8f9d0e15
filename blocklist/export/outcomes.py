"""Store the outcomes of exports: outcomes -> the ledger, and a text for each server with a fault.

Keeps heavy imports out: a run in which nothing changed ends here.
"""

from collections.abc import Iterable

from blocklist.export.render.state import ExportOutcome
from blocklist.export.servers import describe_server_fault
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.releases.export_health import load_server_records, save_export_attempt
from blocklist.ledger.releases.history import current_release


def record_outcomes(writer: LedgerWriter, outcomes: Iterable[ExportOutcome]) -> None:
    """Store how each export ended, for `status`."""
    with read_transaction(writer.database) as transaction:
        current = current_release(transaction.connection)
    for outcome in outcomes if current else ():
        assert current is not None
        servers = outcome.result.servers if outcome.result else outcome.servers
        save_export_attempt(
            writer, outcome.name, outcome.path, current.number, outcome.cause, servers
        )


def find_server_faults(writer: LedgerWriter, outcomes: Iterable[ExportOutcome]) -> list[str]:
    """Return a text for each server that lacks the list of an export that was written."""
    names = {outcome.name for outcome in outcomes if outcome.result}
    with read_transaction(writer.database) as transaction:
        records = load_server_records(transaction.connection)
    return [
        describe_server_fault(export, record, server)
        for (export, server), record in records.items()
        if export in names and record.fault
    ]
