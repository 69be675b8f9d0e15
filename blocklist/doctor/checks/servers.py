"""Checks of the servers that load exports: canary queries -> findings."""

import sqlite3
from collections.abc import Iterator

from blocklist.config.installation import parse_probe_servers
from blocklist.config.loader import Config
from blocklist.doctor.finding import Finding, problem
from blocklist.export.render.canary import derive_canaries
from blocklist.export.render.state import ExportState
from blocklist.install.canary_probe import find_load_fault
from blocklist.ledger.releases.export_state import load_export_states


def check_servers(config: Config, reader: sqlite3.Connection) -> Iterator[Finding]:
    """Find servers that do not show that they have loaded the list of their export."""
    known = load_export_states(reader)
    for name, export in config.exports.items():
        row = known.get(name)
        if row is None or row["path"] != str(export.path):
            continue
        names = derive_canaries(export, ExportState(**row))  # type: ignore[arg-type]
        for server in parse_probe_servers(export.installation.probe):
            fault = find_load_fault(server, names) if names else None
            if fault:
                remedy = f"look into its log, then: blocklist export {name}"
                yield problem(fault, f"exports.{name}.probe", remedy)
