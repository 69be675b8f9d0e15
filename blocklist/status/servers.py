"""Status of servers: exports and ledger -> the list that each server was seen with.

With `probe` the servers are asked now; without it the last run's results are returned.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from blocklist.config.exports import Export
from blocklist.config.loader import Config
from blocklist.export.render.state import ExportState
from blocklist.export.servers import find_server_result, list_servers
from blocklist.export.stage.freshness import load_matching_states
from blocklist.ledger.db.timestamps import current_timestamp
from blocklist.ledger.releases.export_health import ServerRecord, load_server_records
from blocklist.status.finding import Finding, fine, problem, warning

_MAX_PARALLEL = 8
_NEVER = ServerRecord(None, None, None, None)


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """A server of an export, and the list that it was last seen with."""

    export: str
    #: The DNS server as `ADDRESS` or `ADDRESS#PORT`, or `kernel` for sets of a firewall.
    name: str
    #: The release from which the content was rendered that it had, and when that was seen (UTC).
    release: int | None
    seen: str | None
    #: What it lacked in the last look, and since when.
    fault: str | None
    fault_since: str | None
    #: Why nobody could look now; then the other columns are those of the last look.
    unseen: str | None = None


def load_server_statuses(
    config: Config, reader: sqlite3.Connection | None, *, probe: bool
) -> list[ServerStatus]:
    """Return the state of each server of all exports that were written."""
    if reader is None:
        return []
    records, exports = load_server_records(reader), list(config.exports.values())
    states = load_matching_states(reader, exports)
    servers = [
        (export, states.get(export.name), name, records.get((export.name, name), _NEVER))
        for export in exports
        for name in list_servers(export)
    ]
    if not probe:
        return [_from_record(export, name, record) for export, _, name, record in servers]
    with ThreadPoolExecutor(_MAX_PARALLEL) as pool:
        return list(pool.map(lambda server: _look(*server), servers))


def _from_record(export: Export, name: str, record: ServerRecord) -> ServerStatus:
    seen = (record.release, record.seen, record.fault, record.fault_since)
    return ServerStatus(export.name, name, *seen)


def _look(
    export: Export, state: ExportState | None, name: str, record: ServerRecord
) -> ServerStatus:
    """Ask a server now; its record says since when, and what it had before."""
    result = find_server_result(export, state, name) if state else None
    if result is None:  # never written, or nothing can be seen from here
        return _from_record(export, name, record)
    if result.unseen:
        return replace(_from_record(export, name, record), unseen=result.unseen)
    now = current_timestamp()
    if result.fault is None:
        return ServerStatus(export.name, name, result.release, now, None, None)
    since = record.fault_since or now
    return ServerStatus(export.name, name, record.release, record.seen, result.fault, since)


def check_servers(servers: Iterable[ServerStatus]) -> Iterator[Finding]:
    """Find servers that do not show the list of their export."""
    for server in servers:
        subject, where = f"{server.export}: {server.name}", f"exports.{server.export}"
        if server.fault:
            had = f"; it last had release {server.release} at {server.seen}" if server.seen else ""
            remedy = f"look into its log, then: blocklist export {server.export}"
            what, since = f"{server.fault}{had}", server.fault_since
            yield problem(what, where, remedy, subject=subject, since=since)
        elif server.unseen:
            had = f"; it had release {server.release} at {server.seen}" if server.seen else ""
            remedy = f"give the user that right, or set {where}.look_with"
            yield warning(f"{server.unseen}{had}", where, remedy, subject=subject)
        elif server.seen is None:
            what = "nobody has looked yet whether it has the list"
            yield warning(what, where, f"blocklist export {server.export}", subject=subject)
        else:
            yield fine(f"has release {server.release}", where, subject=subject, since=server.seen)
