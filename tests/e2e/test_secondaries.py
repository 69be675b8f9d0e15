"""A zone that reaches BIND through Knot DNS: small differences, and an undo that arrives."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from blocklist.config.dns_servers import DnsServer
from blocklist.config.exports import Export
from blocklist.config.installation import Installation
from blocklist.config.targets import load_targets
from blocklist.errors import ExportFailed
from blocklist.export.render.state import ExportState
from blocklist.install.canary_probe import ProbeAnswer, probe_server
from tests.e2e.reloading import bind_secondary, knot
from tests.e2e.servers import free_port
from tests.support.exports import export_to, run

pytestmark = pytest.mark.e2e("knotd", "knotc", "named", "nsd")

MANY = "\n".join(f"block subtree n{number}.example" for number in range(500))
OLD, NEW = f"{MANY}\nblock exact old.example", f"{MANY}\nblock exact new.example"


@dataclass(frozen=True)
class World:
    """A secondary that has the old list, the export, and what Knot says."""

    server: DnsServer
    export: Export
    state: ExportState
    log: Path

    def has(self, name: str) -> ProbeAnswer:
        return probe_server(self.server, name)


@pytest.fixture
def world(tmp_path: Path, upstream: int) -> Iterator[World]:
    canary = load_targets(tmp_path)["rpz"].canary
    export = replace(export_to(tmp_path, "rpz", canary=canary), path=tmp_path / "list")
    run(export, "block exact first.example", number=6)
    primary, secondary = free_port(), free_port()
    folders = [tmp_path / name for name in ("knot", "bind")]
    for folder in folders:
        folder.mkdir()
    with ExitStack() as stack:
        first = stack.enter_context(knot(folders[0], export.path, primary, secondary))
        second = stack.enter_context(bind_secondary(folders[1], secondary, primary, upstream))
        told = Installation(reload=first.reload, probe=(str(second.server),), probe_timeout=30)
        export = replace(export, installation=told)
        state = run(export, OLD).state
        yield World(second.server, export, state, folders[0] / "log")


def test_a_change_travels_as_a_difference(world: World) -> None:
    assert world.has("old.example") is ProbeAnswer.NO_ADDRESS
    run(world.export, NEW, world.state, 8)
    assert world.has("new.example") is ProbeAnswer.NO_ADDRESS
    assert world.has("old.example") is ProbeAnswer.RESOLVES
    assert world.has("x.n7.example") is ProbeAnswer.NO_ADDRESS
    *_, size = re.findall(r"IXFR, outgoing.* finished.* ([0-9]+) bytes", world.log.read_text())
    assert int(size) < 1000, "of more than 20,000"


def test_the_old_list_comes_back_to_the_secondary(world: World) -> None:
    """Its serial is lower, but Knot has one of its own."""
    told = replace(world.export.installation, must_resolve=("bank.example",), probe_timeout=5)
    export = replace(world.export, installation=told)
    with pytest.raises(ExportFailed, match=r"back in place, and .* blocks its canary"):
        run(export, f"{NEW}\nblock exact bank.example", world.state, 8)
    assert world.has("old.example") is ProbeAnswer.NO_ADDRESS
    assert world.has("new.example") is ProbeAnswer.RESOLVES
    assert world.has("bank.example") is ProbeAnswer.RESOLVES
