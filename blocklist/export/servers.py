"""Servers of an export: export and its state -> what each server shows of the list.

Keeps heavy imports out: a run in which nothing changed ends here.
"""

from blocklist.config.dns_servers import parse_dns_servers
from blocklist.config.exports import Export
from blocklist.export.render.state import ExportState
from blocklist.ledger.releases.export_health import ServerResult


def list_servers(export: Export) -> list[str]:
    """Return the names of the servers that an export can look at."""
    return [str(server) for server in parse_dns_servers(export.installation.probe)]


def look_at_server(export: Export, state: ExportState, name: str) -> ServerResult | None:
    """Ask a server for the list of a state; None if the list has nothing that shows."""
    from blocklist.export.render.canary import derive_canaries
    from blocklist.install.canary_probe import find_load_fault

    canaries = derive_canaries(export, state)
    if canaries is None:
        return None
    (server,) = parse_dns_servers([name])
    fault = find_load_fault(server, canaries)
    return ServerResult(name, None if fault else state.release, fault)
