"""Servers of an export: export and its state -> what each server shows of the list.

Keeps heavy imports out: a run in which nothing changed ends here.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from blocklist.config.dns_servers import parse_dns_servers
from blocklist.config.exports import Export
from blocklist.export.kernel.look import KERNEL, is_in_kernel, look_at_kernel
from blocklist.export.render.state import ExportState
from blocklist.ledger.releases.export_health import ServerRecord, ServerResult

if TYPE_CHECKING:
    from blocklist.install.quorum import ServerLoad


def list_servers(export: Export) -> list[str]:
    """Return the names of the servers that an export can look at."""
    servers = [str(server) for server in parse_dns_servers(export.installation.probe)]
    return servers + [KERNEL] * is_in_kernel(export)


def find_server_result(export: Export, state: ExportState, name: str) -> ServerResult | None:
    """Ask a server for the list of a state; None if the list has nothing that shows."""
    if name == KERNEL:
        return look_at_kernel(export, state)
    from blocklist.export.render.canary import derive_canaries
    from blocklist.install.canary_probe import find_load_fault

    canaries = derive_canaries(export, state)
    if canaries is None:
        return None
    (server,) = parse_dns_servers([name])
    fault = find_load_fault(server, canaries)
    return ServerResult(name, None if fault else state.release, fault)


def make_server_results(loads: "Iterable[ServerLoad]", release: int) -> tuple[ServerResult, ...]:
    """Return what servers showed of the content that was rendered from a release."""
    return tuple(
        ServerResult(str(load.server), release if load.fault is None else None, load.fault)
        for load in loads
    )


def describe_server_fault(export: str, record: ServerRecord, server: str) -> str:
    """Return in two sentences what a server lacks, since when, and what happens next."""
    from blocklist.install.canary_probe import NO_ANSWER_FAULT

    has = f"; it last had release {record.release}" if record.release else ""
    when = "when it is back" if record.fault == NO_ANSWER_FAULT else "if it is still missing"
    return (
        f"export {export}: {server} {record.fault}, since {record.fault_since}{has}. "
        f"Each run looks again, and has the list loaded {when}."
    )
