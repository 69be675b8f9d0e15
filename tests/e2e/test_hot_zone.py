"""Decisions reach a running server through the hot zone, as the guides set it up."""

import re
import shlex
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from blocklist.api.entry_change import EntryChange
from blocklist.api.library import Blocklist
from blocklist.install.canary_probe import ProbeAnswer, probe_server
from tests.e2e.reloading import SERVERS, Running
from tests.e2e.servers import short_folder
from tests.support.exports import ZONE

#: From the command to the answer of the server.
SECONDS = 5
CONFIG = """
[feeds.mine]
url = "mine.txt"
format = "domains"
[exports.office]
target = "{target}"
path = "list"
zone = "{zone}"
hot = true
"""
FAMILY = ["family.example", "ok.family.example", "a.b.family.example", "z.a.b.family.example"]


class World:
    """A server with the two zones of a ledger."""

    def __init__(self, server: Running, library: Blocklist, folder: Path) -> None:
        self.server, self.library, self.folder = server.server, library, folder
        self.base, self.reload = folder / "list", server.reload

    def blocked(self, *names: str) -> list[bool]:
        return [probe_server(self.server, name) is not ProbeAnswer.RESOLVES for name in names]


@pytest.fixture(
    params=[
        pytest.param("BIND", marks=pytest.mark.e2e("nsd", "named", "rndc", "named-checkzone")),
        pytest.param("Unbound", marks=pytest.mark.e2e("nsd", "unbound", "unbound-control")),
        pytest.param("PowerDNS", marks=pytest.mark.e2e("nsd", "pdns_recursor", "rec_control")),
    ]
)
def world(request: pytest.FixtureRequest, tmp_path: Path, upstream: int) -> Iterator[World]:
    start, target = SERVERS[request.param]
    (tmp_path / "mine.txt").write_text("fraud.top\n")
    text = CONFIG.format(target=target, zone=ZONE)
    (tmp_path / "blocklist.toml").write_text(text)
    library = Blocklist.open(tmp_path / "blocklist.toml")
    # Feeds cannot block reserved names, and the upstream knows no others.
    library.block.add(["fraud.example", "other.example"])
    assert library.run().is_good
    with short_folder() as folder, start(folder, tmp_path / "list", upstream, hot=True) as server:
        hooks = f'reload = {list(server.reload)}\nprobe = ["127.0.0.1#{server.port}"]\n'
        (tmp_path / "blocklist.toml").write_text(text + hooks)
        library = Blocklist.open(tmp_path / "blocklist.toml")
        report = library.run()
        assert report.is_good, report.exports
        yield World(server, library, tmp_path)


def test_decisions_are_in_force_in_seconds(world: World) -> None:
    """Families are right at every step, and the base zone changes only in a run."""
    before = world.base.stat().st_mtime_ns
    _time("allow", lambda: world.library.allow.add("fraud.example", now=True))
    assert world.blocked("fraud.example", "other.example") == [False, True]
    _time("block", lambda: world.library.block.add("family.example", scope="subtree", now=True))
    assert world.blocked(*FAMILY) == [True, True, True, True]
    _time("hole", lambda: world.library.allow.add("b.family.example", now=True))
    assert world.blocked(*FAMILY, "b.family.example") == [True, True, False, False, False]
    _time("open", lambda: world.library.block.remove("family.example", now=True))
    assert world.blocked(*FAMILY, "b.family.example") == [False] * 5
    assert world.base.stat().st_mtime_ns == before
    report = world.library.run()
    assert report.is_good, report.exports
    assert world.base.stat().st_mtime_ns != before
    assert world.blocked("fraud.example", "other.example", *FAMILY) == [False, True] + [False] * 4


def test_a_decision_does_not_wait_for_a_base_zone(world: World) -> None:
    """It is in force before and after the server loads the base zone."""
    configuration = world.folder / "blocklist.toml"
    script = f"case $0 in *.hot) ;; *) sleep {2 * SECONDS} ;; esac; exec {shlex.join(world.reload)}"
    reload = f"reload = {['sh', '-c', script, '{file}']}\n"
    text = re.sub(r"reload = .*\n", lambda _: reload, configuration.read_text())
    configuration.write_text(text)
    library = Blocklist.open(configuration)
    assert all(outcome.result for outcome in library.export())
    (world.folder / "mine.txt").write_text("fraud.top\nlater.top\n")
    before = world.base.stat().st_ino
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(library.run)
        while world.base.stat().st_ino == before:
            assert not run.done()
            time.sleep(0.05)
        _time("beside", lambda: library.allow.add("fraud.example", now=True))
        assert not run.done()
        assert world.blocked("fraud.example", "other.example") == [False, True]
        report = run.result()
    assert report.is_good, report.exports
    assert world.blocked("fraud.example", "other.example") == [False, True]


def _time(what: str, decide: Callable[[], EntryChange]) -> None:
    begin = time.monotonic()
    change = decide()
    took = time.monotonic() - begin
    assert change.published, change
    assert not change.published.failed_exports, change.published
    print(f"{what}: in force after {took:.2f} s")  # noqa: T201 (the measurement)
    assert took < SECONDS
