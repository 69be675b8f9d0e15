"""Several servers of one export: quorum, servers that are down, and servers that come back."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from blocklist.config.exports import Export
from blocklist.errors import ExportFailed
from blocklist.export.render.state import ExportResult
from blocklist.export.update import export_one
from blocklist.install import canary_probe, server_watch
from blocklist.install.quorum import count_needed
from tests.support.dns_server import DnsServer, dns_server
from tests.support.exports import NOW, release, run
from tests.support.installs import HASTY, NEW, OLD, OWN, PATIENT, export_into, own_canary

BACK = "The previous list is back in place"
NO_ANSWER = "gives no answer"


@pytest.mark.parametrize(
    ("quorum", "counts", "why"),
    [
        (None, [1, 2, 2, 3, 3], "more than half"),
        (1, [1, 1, 1, 1, 1], "a number"),
        (2, [1, 2, 2, 2, 2], "a number, but not more than there are"),
        (5, [1, 2, 3, 4, 5], "as many as are configured"),
        (1.0, [1, 2, 3, 4, 5], "all"),
        (0.5, [1, 1, 2, 2, 3], "half, rounded up"),
        (0.01, [1, 1, 1, 1, 1], "at least one"),
        (0.6, [1, 2, 2, 3, 3], "three of five, not four through a rounding error"),
    ],
)
def test_number_of_servers_that_must_show_a_list(
    quorum: float | None, counts: list[int], why: str
) -> None:
    assert [count_needed(quorum, count) for count in range(1, 6)] == counts, why


# --- Three servers -----------------------------------------------------------------------------


class Site:
    """Three servers that load the same file, and an export for all of them."""

    def __init__(self, servers: list[DnsServer]) -> None:
        self.servers = servers
        where = tuple(server.where for server in servers)
        script = "; ".join(server.reload[2] for server in servers)
        self.export = export_into(servers[0], probe=where, reload=("sh", "-c", script))
        for server in servers:
            server.file, server.resolves = self.export.path, {OWN}

    def told(self, **changes: object) -> Export:
        installation = replace(self.export.installation, **changes)  # type: ignore[arg-type]
        return replace(self.export, installation=installation)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(canary_probe, "_TIMEOUT_SECONDS", 0.4)
    monkeypatch.setattr("blocklist.install.quorum._GRACE_SECONDS", 0.6)
    monkeypatch.setattr("blocklist.install.install.RELOAD_GRACE_SECONDS", 1.0)
    with ExitStack() as stack:
        folders = [tmp_path / name for name in "abc"]
        for folder in folders:
            folder.mkdir()
        yield Site([stack.enter_context(dns_server(folder)) for folder in folders])


def faults(result: ExportResult) -> list[str | None]:
    assert result.servers is not None
    return [server.fault and server.fault.split(":")[0] for server in result.servers]


def stop(server: DnsServer) -> None:
    """Let a server be down: it neither answers nor loads anything."""
    server.silent, server.on_reload = True, lambda number: None


def start(server: DnsServer) -> None:
    """Let a server run again, with the list that it had when it went down."""
    server.forget_reloads()
    server.silent, server.on_reload = False, lambda number: server.load()


def refuse(server: DnsServer) -> None:
    """Let a server answer, and load nothing."""
    server.on_reload = lambda number: None


def crash(server: DnsServer) -> None:
    """Let a server go down when it loads the list."""
    server.on_reload = lambda number: setattr(server, "silent", True)


NOT_LOADED = "does not show that the list is loaded"
OUTCOMES = [
    ((), None, [None, None, None], "all are fine"),
    ((stop,), None, [NO_ANSWER, None, None], "one is down, two are enough"),
    ((stop, stop), None, [NO_ANSWER, NO_ANSWER, None], "two are down, which do not count"),
    ((stop,), 1.0, [NO_ANSWER, None, None], "all that count"),
    ((stop,), 3, [NO_ANSWER, None, None], "no more than those that count"),
    ((refuse,), None, [NOT_LOADED, None, None], "one does not load it"),
    ((crash,), None, [NO_ANSWER, None, None], "one falls over it"),
    ((refuse, refuse), 1, [NOT_LOADED, NOT_LOADED, None], "one is enough here"),
    ((stop, refuse), 0.5, [NO_ANSWER, NOT_LOADED, None], "half of the two that count"),
]


@pytest.mark.parametrize(("changes", "quorum", "wanted", "why"), OUTCOMES)
def test_a_quorum_keeps_the_new_list(
    site: Site, changes: tuple[object, ...], quorum: float | None, wanted: list[str], why: str
) -> None:
    first = run(site.export, OLD)
    assert faults(first) == [None] * 3
    for change, server in zip(changes, site.servers, strict=False):
        change(server)  # type: ignore[operator]
    export = site.told(probe_quorum=quorum)
    result = run(export, NEW, first.state, 8)
    assert (result.changed, result.loaded, faults(result)) == (True, True, wanted), why
    assert result.servers
    assert [server.release for server in result.servers] == [None if it else 8 for it in wanted]
    assert "new.example" in site.servers[2].listed


UNDONE = [
    ((refuse, refuse), None, "1 of 3 servers that count loaded the list, and 2 must"),
    ((refuse,), 3, "2 of 3 servers that count loaded the list, and 3 must"),
    ((refuse,), 1.0, "2 of 3 servers that count loaded the list, and 3 must"),
    ((stop, refuse), None, "1 of 2 servers that count loaded the list, and 2 must"),
    ((crash, crash), None, "gave no answer for 0.5 s; is it running?"),
]


@pytest.mark.parametrize(("changes", "quorum", "message"), UNDONE)
def test_below_the_quorum_all_get_the_old_list_back(
    site: Site, changes: tuple[object, ...], quorum: float | None, message: str
) -> None:
    first = run(site.export, OLD)
    for change, server in zip(changes, site.servers, strict=False):
        change(server)  # type: ignore[operator]
    with pytest.raises(ExportFailed) as raised:
        run(site.told(probe_quorum=quorum, probe_timeout=HASTY), NEW, first.state, 8)
    assert str(raised.value).startswith("export office: undone. ")
    assert message in str(raised.value)
    assert BACK in str(raised.value)
    assert own_canary(site.export, first.state) in site.servers[2].listed


def test_all_servers_down_is_a_failure(site: Site) -> None:
    first = run(site.export, OLD)
    for server in site.servers:
        stop(server)
    with pytest.raises(ExportFailed) as raised:
        run(site.told(probe_timeout=HASTY), NEW, first.state, 8)
    where = [server.where for server in site.servers]
    assert f"{where[0]} gave no answer for 0.5 s; is it running?" in str(raised.value)
    assert str(raised.value).endswith(f"{BACK}; {', '.join(where[:2])} and {where[2]} have not "
                                      "confirmed it.")  # fmt: skip


def test_harm_on_one_server_undoes_at_once(site: Site) -> None:
    first = run(site.export, OLD)

    def harm(number: int) -> None:
        site.servers[0].load()
        site.servers[0].listed |= {OWN} if number == 2 else set()

    site.servers[0].on_reload = harm
    begun = time.monotonic()
    with pytest.raises(ExportFailed) as raised:
        run(site.told(probe_quorum=1), NEW, first.state, 8)
    assert f"undone. {site.servers[0].where} blocks {OWN}, which it resolved before.\n" in str(
        raised.value
    )
    assert time.monotonic() - begun < PATIENT / 2, "probe_timeout was not waited for"
    assert all(own_canary(site.export, first.state) in one.listed for one in site.servers)


@pytest.mark.parametrize("names", [1, 40])
def test_a_server_that_is_down_costs_one_time_limit(site: Site, names: int) -> None:
    first = run(site.export, OLD)
    stop(site.servers[0])
    export = site.told(must_resolve=tuple(f"n{number}.example" for number in range(names)))
    begun = time.monotonic()
    run(export, NEW, first.state, 8)
    assert time.monotonic() - begun < 4 * 0.4


def test_a_server_that_is_named_twice_counts_once(site: Site) -> None:
    where = site.servers[0].where
    stop(site.servers[1])
    result = run(site.told(probe=(where, where, site.servers[1].where)), OLD)
    assert faults(result) == [None, NO_ANSWER]


# --- An unchanged file -------------------------------------------------------------------------


def confirm(site: Site, first: ExportResult) -> ExportResult:
    return export_one(site.export, release(OLD), 8, first.state, NOW)


def test_a_server_that_is_down_is_named_and_nobody_reloads(site: Site) -> None:
    first = run(site.export, OLD)
    stop(site.servers[1])
    for _ in range(2):
        again = confirm(site, first)
        assert faults(again) == [None, NO_ANSWER, None]
        assert (again.changed, again.said, site.servers[0].reloads) == (False, (), 1)


def test_a_server_that_is_back_without_the_list_loads_it(site: Site) -> None:
    first = run(site.export, OLD)
    stop(site.servers[1])
    second = run(site.export, NEW, first.state, 8)
    start(site.servers[1])
    again = export_one(site.export, release(NEW), 8, second.state, NOW)
    assert (again.changed, faults(again)) == (False, [None] * 3)
    assert again.said[0].startswith(f"{site.servers[1].where} {NOT_LOADED}")
    assert all("new.example" in server.listed for server in site.servers)


def test_one_that_stays_without_the_list_does_not_undo_the_others(site: Site) -> None:
    first = run(site.export, OLD)
    site.servers[1].listed = set()
    refuse(site.servers[1])
    assert faults(confirm(site, first)) == [None, NOT_LOADED, None]
    assert "old.example" in site.servers[0].listed


def test_a_lost_packet_is_no_reason_to_reload(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    first, ask, lost = run(site.export, OLD), canary_probe.probe_server, set[object]()

    def lose_first(server: object, name: str) -> canary_probe.ProbeAnswer:
        if name == own_canary(site.export, first.state) and server not in lost:
            lost.add(server)
            return canary_probe.ProbeAnswer.NO_ANSWER
        return ask(server, name)  # type: ignore[arg-type]

    monkeypatch.setattr(canary_probe, "probe_server", lose_first)
    again = confirm(site, first)
    assert (len(lost), faults(again), again.said) == (3, [None] * 3, ())


def test_a_fault_of_a_watching_thread_is_raised(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a thread failed")

    monkeypatch.setattr(server_watch, "look_at_server", fail)
    with pytest.raises(RuntimeError, match="a thread failed"):
        run(site.told(probe_timeout=HASTY), OLD)
