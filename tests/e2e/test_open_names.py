"""A decision opens a name in a running server within seconds, while a run works."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import pytest

from blocklist.api.library import Blocklist
from blocklist.install.canary_probe import ProbeAnswer, probe_server
from blocklist.pipeline.events import EventKind, ProgressEvent, Stage
from tests.e2e.reloading import RELOADING, SERVERS, Running
from tests.e2e.servers import short_folder
from tests.support.exports import ZONE, export_to, run

#: From the command to the open name, on a machine that does nothing else.
SECONDS, PATIENCE = 5, 60
CONFIG = """
[feeds.mine]
url = "mine.txt"
format = "domains"
[exports.office]
target = "{target}"
path = "list"
{zone}
reload = {reload}
probe = ["127.0.0.1#{port}"]
"""


@dataclass(frozen=True)
class World:
    """A server with the list of a ledger."""

    server: Running
    library: Blocklist

    def answer(self, name: str) -> ProbeAnswer:
        return probe_server(self.server.server, name)


@pytest.fixture(params=RELOADING)
def world(request: pytest.FixtureRequest, tmp_path: Path, upstream: int) -> Iterator[World]:
    start, target = SERVERS[request.param]
    export = export_to(tmp_path, target)
    (tmp_path / "mine.txt").write_text("fraud.top\n")
    run(export, "block exact first.example", number=6)
    export.path.rename(tmp_path / "list")
    with short_folder() as folder, start(folder, tmp_path / "list", upstream) as server:
        zone = f'zone = "{ZONE}"' if export.zone else ""
        reload = [word.replace("{zone}", ZONE) for word in server.reload]
        text = CONFIG.format(target=target, zone=zone, reload=reload, port=server.port)
        (tmp_path / "blocklist.toml").write_text(text)
        library = Blocklist.open(tmp_path / "blocklist.toml")
        # Feeds cannot block reserved names, and the upstream knows no others.
        library.block.add(["fraud.example", "other.example"])
        report = library.run()
        assert report.is_good, report.exports
        yield World(server, library)


def test_a_name_is_open_at_once_while_a_run_works(world: World) -> None:
    reached, resumed = Event(), Event()

    def hang(event: ProgressEvent) -> None:
        if (event.stage, event.kind) == (Stage.UPDATE, EventKind.END):
            reached.set()
            assert resumed.wait(PATIENCE)

    assert world.answer("fraud.example") is not ProbeAnswer.RESOLVES
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(lambda: world.library.run(progress=hang))
        assert reached.wait(PATIENCE)
        begin = time.monotonic()
        change = world.library.allow.add("fraud.example", now=True)
        took = time.monotonic() - begin
        assert change.published and not change.published.failed_exports, change
        assert world.answer("fraud.example") is ProbeAnswer.RESOLVES
        assert world.answer("other.example") is not ProbeAnswer.RESOLVES
        resumed.set()
        assert job.result(PATIENCE).is_good
    assert took < SECONDS
    assert world.answer("fraud.example") is ProbeAnswer.RESOLVES
