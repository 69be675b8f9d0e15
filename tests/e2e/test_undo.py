"""Every failure of an install before a running server: it answers throughout, the old list stays.

A thread asks while it happens. `fraud.example` is in the old list and in the new one, so it must be
blocked at all times; `good.example` is in neither, and must always have an address.
"""

import os
import re
import resource
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl
import pytest

from blocklist.config.dns_servers import DnsServer
from blocklist.config.exports import Export
from blocklist.config.installation import Installation
from blocklist.config.targets import load_targets
from blocklist.errors import ExportFailed
from blocklist.export.render.state import ExportState
from blocklist.export.update import export_one
from blocklist.frames.schemas import RELEASE
from blocklist.install import canary_probe
from blocklist.install.canary_probe import ProbeAnswer, probe_server
from blocklist.install.command import fill_words, run_command
from tests.e2e.reloading import RELOADING, SERVERS, Running
from tests.e2e.servers import short_folder
from tests.support.exports import NOW, ZONE, export_to, release, run

OLD = "block subtree fraud.example\nblock exact old.example"
NEW = "block subtree fraud.example\nblock exact new.example"
BLOCKED = {ProbeAnswer.NO_ADDRESS, ProbeAnswer.NULL_ADDRESS}
HASTY = 1.0
CONFIRMED = r"The previous list is back in place, and \S+ blocks its canary\.$"
FRAUD, GOOD = "fraud.example", "good.example"


@dataclass
class Watch:
    """What a thread saw that asks all the time."""

    server: DnsServer
    asked: int = 0
    unanswered: int = 0
    open: int = 0
    shut: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        while not self.over.is_set():
            fraud, good = (probe_server(self.server, name) for name in (FRAUD, GOOD))
            self.asked += 2
            self.unanswered += [fraud, good].count(ProbeAnswer.NO_ANSWER)
            self.open += fraud is ProbeAnswer.RESOLVES
            self.shut += good in BLOCKED
            time.sleep(0.005)


@contextmanager
def watched(server: Running) -> Iterator[Watch]:
    watch = Watch(server.server)
    thread = threading.Thread(target=watch.look)
    thread.start()
    try:
        yield watch
        enough = watch.asked + 20
        while watch.asked < enough and thread.is_alive():
            time.sleep(0.005)
    finally:
        watch.over.set()
        thread.join()
    assert (watch.unanswered, watch.shut) == (0, 0), "answered throughout, and rightly"


@dataclass(frozen=True)
class World:
    """A server that has loaded the old list, and the export that it came from."""

    server: Running
    export: Export
    state: ExportState
    reloads: Path

    def has(self, name: str) -> ProbeAnswer:
        return probe_server(self.server.server, name)

    def told(self, **changes: object) -> Export:
        return replace(self.export, installation=replace(self.export.installation, **changes))  # type: ignore[arg-type]

    def counted(self, also: str = "") -> tuple[str, ...]:
        """The reload command that is counted, and does something before that once."""
        words = " ".join(f"'{word}'" for word in self.server.reload) or "true"
        once = f"[ -e '{self.reloads}' ] || {{ {also}; }}; " if also else ""
        return "sh", "-c", f"{once}echo x >> '{self.reloads}'; {words}"


@pytest.fixture(params=RELOADING)
def world(request: pytest.FixtureRequest, tmp_path: Path, upstream: int) -> Iterator[World]:
    start, target = SERVERS[request.param]
    canary = load_targets(tmp_path)[target].canary
    export = replace(export_to(tmp_path, target, canary=canary), path=tmp_path / "list")
    run(export, "block exact first.example", number=6)
    with short_folder() as folder, start(folder, export.path, upstream) as server:
        told = Installation(
            reload=server.reload,
            probe=(str(server.server),),
            probe_timeout=20,
            must_resolve=("good.example",),
        )
        export = replace(export, installation=told)
        yield World(server, export, run(export, OLD).state, tmp_path / "reloads")


def fails(world: World, export: Export, rows: pl.DataFrame | None = None) -> str:
    """Try the new list under watch, which must fail; return the message."""
    before = export.path.read_bytes() if export.path.is_file() else None
    with watched(world.server) as watch, pytest.raises(ExportFailed) as raised:
        export_one(export, release(NEW) if rows is None else rows, 8, world.state, NOW)
    assert watch.open == 0, "the list was in force throughout"
    assert (export.path.read_bytes() if export.path.is_file() else None) == before
    assert world.has("old.example") in BLOCKED
    assert world.has("new.example") is ProbeAnswer.RESOLVES
    return str(raised.value)


@contextmanager
def full_disk() -> Iterator[None]:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_good_list_is_taken_up_without_a_gap(world: World) -> None:
    with watched(world.server) as watch:
        run(world.export, NEW, world.state, 8)
        assert world.has("new.example") in BLOCKED
        assert world.has("old.example") is ProbeAnswer.RESOLVES
    assert watch.open == 0


def test_a_server_that_lost_its_list_is_given_it_again(world: World) -> None:
    """Unbound and PowerDNS empty their list over a broken file; whoever reloads by hand may do so.

    PowerDNS also remembers that the canary was not blocked just now.
    """
    good = world.export.path.read_bytes()
    world.export.path.write_text("( broken\n")
    if world.server.reload:
        words = fill_words(world.server.reload, {"zone": ZONE})
        run_command(words, 20, os.environ, "this test")
    time.sleep(0.5)
    world.export.path.write_bytes(good)
    result = export_one(world.export, release(OLD), 8, world.state, NOW)
    assert not result.changed
    assert world.has("old.example") in BLOCKED
    assert world.has(GOOD) is ProbeAnswer.RESOLVES


# --- Before the file is in place: the server is told nothing -----------------------------------


def checked(*words: str) -> Callable[[World], Export]:
    def change(world: World) -> Export:
        return replace(
            world.export, target=replace(world.export.target, check=words, check_timeout=1)
        )

    return change


def in_the_way(world: World) -> Export:
    folder = world.export.path.parent / "folder"
    folder.mkdir()
    return replace(world.export, path=folder)


def template(world: World) -> Export:
    return replace(world.export, target=replace(world.export.target, canary="{name}"))


EARLY: list[tuple[Callable[[World], Export], str]] = [
    (checked("sh", "-c", "echo 'no such zone'; exit 1"), "sh refuses the new file:\nno such zone"),
    (checked("sleep", "60"), "sleep did not end within 1 s"),
    (lambda world: world.told(before=("false",)), "before failed"),
    (in_the_way, "cannot be written: Is a directory"),
    (lambda world: replace(world.export, path=Path("/proc/none/list")), "cannot be written"),
    (template, "expected {value} in each of its lines"),
]


@pytest.mark.parametrize(("change", "message"), EARLY)
def test_what_fails_early(world: World, change: Callable[[World], Export], message: str) -> None:
    export = change(world)
    installation = replace(export.installation, reload=world.counted())
    assert message in fails(world, replace(export, installation=installation))
    assert not world.reloads.exists(), "no reload was dared"


@pytest.mark.parametrize("world", RELOADING[:2], indirect=True)
def test_a_zone_whose_name_leaves_no_room(world: World) -> None:
    zone = ".".join(["z" * 60] * 4)
    assert "zone" in fails(world, replace(world.export, zone=zone))


def test_a_full_disk(world: World) -> None:
    with full_disk():
        assert "cannot be written: File too large" in fails(
            world, world.told(reload=world.counted())
        )
    assert not world.reloads.exists()


@pytest.mark.parametrize("name", ['x";$INCLUDE', "x.example\n* CNAME ."])
def test_a_name_that_is_built_to_inject(world: World, name: str) -> None:
    rows = pl.DataFrame([("domain", name, "exact", "block")], schema=RELEASE, orient="row")
    assert "is no domain name" in fails(world, world.export, pl.concat([release(NEW), rows]))


def test_no_names_at_all(world: World) -> None:
    assert "a list is never emptied so" in fails(world, world.export, release(""))


# --- After: the old file comes back --------------------------------------------------------------


LATE: list[tuple[Callable[[World], Export], str]] = [
    (lambda world: world.told(reload=world.counted("exit 1")), "reload failed"),
    (
        lambda world: world.told(reload=world.counted("sleep 60"), timeout=2),
        "did not end within 2 s",
    ),
    (lambda world: world.told(check_server=("false",)), "check_server failed"),
]


@pytest.mark.parametrize(("change", "message"), LATE)
def test_what_fails_late(world: World, change: Callable[[World], Export], message: str) -> None:
    said = fails(world, change(world))
    assert message in said
    assert "The previous list is back in place" in said


def test_a_probe_that_times_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary_probe, "_TIMEOUT_SECONDS", 0.5)
    said = fails(world, world.told(probe=("127.0.0.1#9",), probe_timeout=HASTY))
    assert "undone. 127.0.0.1#9 gave no answer for 1 s; is it running?" in said
    assert "The previous list is back in place" in said


def test_a_list_that_blocks_too_much(world: World) -> None:
    """It is loaded, and the canaries are fine; but what must resolve no longer does."""
    rows = release(f"{NEW}\nblock exact bank.example")
    export = world.told(must_resolve=("bank.example",), probe_timeout=3)
    said = fails(world, export, rows)
    assert "blocks bank.example, which it resolved before" in said
    assert re.search(CONFIRMED, said)
    assert world.has("bank.example") is ProbeAnswer.RESOLVES


def test_a_file_that_breaks_on_its_way_to_the_server(world: World) -> None:
    """Nothing of ours can do this; it is what empties the list of Unbound and PowerDNS.

    The list is then open for as long as it takes to see that, and no longer.
    """
    export = world.told(
        reload=world.counted(f"echo '( broken' > '{world.export.path}'"), probe_timeout=2
    )
    with watched(world.server), pytest.raises(ExportFailed) as raised:
        run(export, NEW, world.state, 8)
    assert re.search(CONFIRMED, str(raised.value))
    assert world.has("fraud.example") in BLOCKED
    assert world.has("old.example") in BLOCKED
