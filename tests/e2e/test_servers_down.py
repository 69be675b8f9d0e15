"""Two real resolvers behind one export: before, while and after one of them is down."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from blocklist.config.dns_servers import DnsServer
from blocklist.install.canary_probe import ProbeAnswer, probe_server
from tests.e2e.reloading import ZONE, bind, unbound, unbound_again
from tests.e2e.servers import short_folder
from tests.support.cli import Ended, blocklist

pytestmark = pytest.mark.e2e("nsd", "named", "rndc", "unbound", "unbound-control")

_CONFIG = """
[feeds.mine]
url = "mine.txt"
format = "domains"
[exports.office]
target = "rpz"
path = "db.rpz"
zone = "{zone}"
"""
_SERVERS = """
shell = true
reload = ["{reload}"]
probe = ["{first}", "{second}"]
probe_timeout = 20
must_resolve = ["good.example"]
"""


class Site:
    """BIND, Unbound with a copy of the zone, and an export for both."""

    def __init__(self, folder: Path, sockets: Path, upstream: int, stack: ExitStack) -> None:
        self.folder, self.sockets = folder, sockets
        (folder / "blocklist.toml").write_text(_CONFIG.format(zone=ZONE))
        (folder / "mine.txt").write_text("fraud.top\n")
        blocklist(folder, "block", "add", "first.top")
        self.run()
        (sockets / "bind").mkdir()
        first = stack.enter_context(bind(sockets / "bind", folder / "db.rpz", upstream))
        self.copy, self._unbound = sockets / "zone", ExitStack()
        shutil.copy(folder / "db.rpz", self.copy)
        second = self._unbound.enter_context(unbound(sockets, self.copy, upstream))
        stack.callback(self._unbound.close)
        self.bind, self.unbound = first.server, second.server
        # As to another machine: it is copied only to a server that is reached.
        control = " ".join(second.reload[:-2])
        reload = (
            f"{' '.join(first.reload)} && if {control} status > /dev/null; "
            f"then cp {{file}} {self.copy} && {' '.join(second.reload)}; fi"
        )
        with (folder / "blocklist.toml").open("a") as config:
            config.write(_SERVERS.format(reload=reload, first=self.bind, second=self.unbound))

    def run(self, *words: str) -> Ended:
        return blocklist(self.folder, *(words or ("run",)))

    def block(self, name: str) -> Ended:
        blocklist(self.folder, "block", "add", name)
        return self.run()

    def stop_unbound(self) -> None:
        self._unbound.close()

    def start_unbound(self) -> None:
        self._unbound.enter_context(unbound_again(self.sockets, self.unbound.port))

    def blocking(self, name: str) -> list[DnsServer]:
        return [
            server
            for server in (self.bind, self.unbound)
            if probe_server(server, name) is ProbeAnswer.NO_ADDRESS
        ]


@pytest.fixture
def site(tmp_path: Path, upstream: int) -> Iterator[Site]:
    with short_folder() as sockets, ExitStack() as stack:
        yield Site(tmp_path, sockets, upstream, stack)


def test_a_resolver_that_is_down_for_three_runs(site: Site) -> None:
    before = site.block("second.top")
    assert (before.code, site.blocking("second.top")) == (0, [site.bind, site.unbound])
    assert "gives no answer" not in before.err

    site.stop_unbound()
    named = f"export office: {site.unbound} gives no answer, since "
    for ended in (site.block("third.top"), site.run(), site.block("fourth.top")):
        assert ended.code == 0, "it does not count"
        assert named in ended.err
        assert site.blocking("third.top") == [site.bind]
    health = site.run("status")
    assert health.code == 2
    assert str(site.unbound) in health.out

    site.start_unbound()
    assert site.blocking("third.top") == [site.bind], "it is back with the old list"
    after = site.run()
    assert after.code == 0
    assert named not in after.err
    assert site.blocking("fourth.top") == [site.bind, site.unbound]
    assert "gives no answer" not in site.run("status").out
