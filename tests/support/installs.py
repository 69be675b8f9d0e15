"""Installs into a DNS server with configurable behaviour."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from blocklist.config.exports import Export
from blocklist.config.installation import Installation
from blocklist.errors import ExportFailed
from blocklist.export.render.canary import derive_canaries
from blocklist.export.render.state import ExportResult, ExportState
from blocklist.install import canary_probe
from tests.support.dns_server import DnsServer, dns_server
from tests.support.exports import export_to, run

OLD, NEW = "block exact old.example", "block exact new.example"
HOSTS = "0.0.0.0 {value}"
# Seconds to wait for what comes, also on a busy machine, and for what never comes.
PATIENT, HASTY = 10.0, 0.5
OWN = "our-company.example"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DnsServer]:
    monkeypatch.setattr(canary_probe, "_TIMEOUT_SECONDS", 0.4)
    with dns_server(tmp_path) as running:
        running.resolves = {OWN}
        yield running


def export_into(server: DnsServer, **changes: object) -> Export:
    """Return an export of a hosts file that the server loads, with some changed keys."""
    export = export_to(server.file.parent, "domains", None, line=HOSTS, canary=HOSTS)
    keys: dict[str, object] = {
        "reload": server.reload,
        "probe": (server.where,),
        "probe_timeout": PATIENT,
        "timeout": PATIENT,
        "must_resolve": (OWN,),
    }
    installation = Installation(**{**keys, **changes})  # type: ignore[arg-type]
    return replace(export, path=server.file, installation=installation)


def own_canary(export: Export, state: ExportState) -> str:
    canaries = derive_canaries(export, state)
    assert canaries is not None
    return canaries.release_name


def failing(export: Export, previous: ExportState | None, text: str = NEW) -> str:
    """Return the error of an export that fails, which must leave no other file."""
    before = export.path.read_bytes() if export.path.exists() else None
    with pytest.raises(ExportFailed) as raised:
        run(hasty(export), text, previous, 8)
    assert (export.path.read_bytes() if export.path.exists() else None) == before
    assert not [*export.path.parent.glob(".*")]
    return str(raised.value)


def hasty(export: Export) -> Export:
    return replace(export, installation=replace(export.installation, probe_timeout=HASTY))


def installed(server: DnsServer, **changes: object) -> tuple[Export, ExportResult]:
    export = export_into(server, **changes)
    return export, run(export, OLD)


def ignore_reloads(server: DnsServer) -> None:
    server.on_reload = lambda number: None
