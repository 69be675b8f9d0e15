"""A server that is down: what each job says of it, and what `status` shows."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from blocklist import Blocklist
from blocklist.install import canary_probe
from blocklist.pipeline.events import EventKind, ProgressEvent
from tests.support.dns_server import DnsServer, dns_server

_CONFIG = """
[feeds.mine]
url = "mine.txt"
format = "domains"
[exports.office]
target = "hosts"
path = "hosts"
reload = {reload}
probe = {probe}
probe_timeout = 10
"""


class Office:
    """Two servers behind one export, and the warnings of the last job."""

    def __init__(self, folder: Path, servers: list[DnsServer]) -> None:
        self.folder, self.servers = folder, servers
        for server in servers:
            server.file = folder / "hosts"
        script = "; ".join(server.reload[2] for server in servers)
        text = _CONFIG.format(reload=["sh", "-c", script], probe=[one.where for one in servers])
        (folder / "blocklist.toml").write_text(text)
        (folder / "mine.txt").write_text("fraud.com\n")
        self.library = Blocklist.open(folder / "blocklist.toml")
        self.warnings = list[str]()

    def note(self, event: ProgressEvent) -> None:
        if event.kind is EventKind.WARNING:
            self.warnings.append(event.text)

    def run(self) -> list[str]:
        """Run, and return the warnings."""
        self.warnings.clear()
        assert not self.library.run(progress=self.note).failed_exports
        return self.warnings


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setattr(canary_probe, "_TIMEOUT_SECONDS", 0.4)
    with ExitStack() as stack:
        folders = [tmp_path / name for name in "ab"]
        for folder in folders:
            folder.mkdir()
        yield Office(tmp_path, [stack.enter_context(dns_server(folder)) for folder in folders])


def test_a_server_is_named_from_when_it_is_down_until_it_is_back(office: Office) -> None:
    assert office.run() == []
    down = office.servers[1]
    down.silent = True
    office.library.block.add("second.com")
    (first,), (second,) = list(office.run()), list(office.run())
    assert re.fullmatch(
        rf"export office: {down.where} gives no answer, since \S+Z; it last had release 1\. "
        r"Each run looks again, and has the list loaded when it is back\.",
        first,
    )
    assert second == first, "since when it is down, not since the last look"
    assert [bool(server.fault) for server in office.library.status().servers] == [False, True]
    down.forget_reloads()
    down.silent = False
    assert office.run() == []
    assert "second.com" in down.listed
    assert not any(server.fault for server in office.library.status().servers)


def test_a_decision_at_once_names_it_too(office: Office) -> None:
    office.run()
    office.servers[0].silent = True
    office.library.block.add("second.com", now=True, progress=office.note)
    (warning,) = office.warnings
    assert office.servers[0].where in warning
    assert "second.com" in office.servers[1].listed


def test_an_undone_export_leaves_what_each_server_shows(office: Office) -> None:
    office.run()
    for server in office.servers:
        server.silent = True
    office.library.block.add("second.com")
    text = (office.folder / "blocklist.toml").read_text()
    (office.folder / "blocklist.toml").write_text(text.replace("timeout = 10", "timeout = 0.5"))
    (failed,) = Blocklist.open(office.folder / "blocklist.toml").run().failed_exports
    assert "undone." in (failed.cause or "")
    assert failed.servers
    assert [server.fault for server in failed.servers] == ["gives no answer"] * 2
    assert [server.release for server in office.library.status().servers] == [1, 1]
