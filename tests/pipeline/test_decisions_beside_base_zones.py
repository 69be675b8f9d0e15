"""A decision is in force while another process installs the base zone, however that ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from blocklist.api.library import Blocklist
from tests.support.hot_worlds import HOT, World
from tests.support.worlds import CONFIG, make_world

#: A server takes long to load a base zone: until the file `go` is there.
RELOAD = """case {file} in
*.hot) exit 0 ;;
esac
cd 'FOLDER'
touch begun
while [ ! -e go ]; do sleep 0.02; done
exit $(cat go)"""
SLOW = f'{HOT}reload = ["sh", "-c", """{RELOAD}"""]\ntimeout = 60\n'
#: From the call to the end of a decision; a base zone would never be loaded.
SECONDS, PATIENCE = 10, 60


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Give an installation after its first run, whose server is slow from now on."""
    assert Blocklist.open(make_world(tmp_path, CONFIG + HOT)).run().is_good
    world = World(tmp_path)
    world.configure(SLOW.replace("FOLDER", str(tmp_path)))
    (tmp_path / "go").write_text("0")
    assert all(outcome.result for outcome in world.library.export())
    return world


@contextmanager
def run_in_its_install(world: World) -> "Iterator[subprocess.Popen[bytes]]":
    """Give a run whose server loads the base zone of a list that changed."""
    for name in ("go", "begun"):
        (world.folder / name).unlink(missing_ok=True)
    (world.folder / "one.txt").write_text("fraud.top\nother.top\nlater.top\n")
    command = [sys.executable, "-m", "blocklist", "run"]
    with subprocess.Popen(command, cwd=world.folder, start_new_session=True) as process:
        try:
            wait_for((world.folder / "begun").exists)
            yield process
        finally:
            (world.folder / "go").write_text("0")
            if process.poll() is None:
                process.wait(PATIENCE)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def decide(world: World, decision: Callable[[], object]) -> None:
    begin = time.monotonic()
    decision()
    assert time.monotonic() - begin < SECONDS
    assert not (world.folder / "go").exists(), "the base zone is not loaded yet"


def blocks_with(world: World, base: bytes, name: str) -> bool:
    """Answer as a server that still has another base zone."""
    path = world.folder / "old-base"
    path.write_bytes(base)
    old = World(world.folder)
    old.base = path
    return old.blocks(name)


def test_a_decision_does_not_wait_for_a_base_zone(world: World) -> None:
    name, old = "fraud.top", world.base.read_bytes()
    with run_in_its_install(world) as run:
        decide(world, lambda: world.library.allow.add(name, now=True))
        decide(world, lambda: world.library.block.add("new.example", now=True))
        answers = {"new.example": True, name: False}
        for asked, blocked in answers.items():
            assert (world.blocks(asked), blocks_with(world, old, asked)) == (blocked, blocked)
        assert [blocks_with(world, old, "later.top"), world.blocks("later.top")] == [False, True]
        (world.folder / "go").write_text("0")
        assert run.wait(PATIENCE) == 0
    assert {asked: world.blocks(asked) for asked in answers} == answers
    assert world.blocks("later.top")
    assert len(world.lines()) == 4, "the decisions are later than the base zone"
    assert world.library.run().is_good
    assert world.lines() == []
    assert {asked: world.blocks(asked) for asked in answers} == answers


def test_an_install_that_fails_leaves_the_decision_in_force(world: World) -> None:
    with run_in_its_install(world) as run:
        decide(world, lambda: world.library.block.add("new.example", now=True))
        (world.folder / "go").write_text("1")
        time.sleep(0.2)  # the old file is loaded again, too
        (world.folder / "go").write_text("0")
        assert run.wait(PATIENCE) == 6
    assert world.blocks("new.example")
    assert not world.blocks("later.top")
    assert world.library.run().is_good
    assert world.blocks("later.top") and world.blocks("new.example")


def test_a_killed_run_leaves_the_decision_in_force(world: World) -> None:
    """Its new base zone is in place, but not recorded, so the next decision writes it again."""
    old = world.base.read_bytes()
    with run_in_its_install(world) as run:
        decide(world, lambda: world.library.block.add("new.example", now=True))
        os.killpg(run.pid, signal.SIGKILL)
        run.wait(PATIENCE)
    assert world.blocks("new.example") and blocks_with(world, old, "new.example")
    world.library.block.add("other.example", now=True)
    for asked in ("new.example", "other.example", "later.top"):
        assert world.blocks(asked)


def test_a_decision_that_does_not_fit_waits_for_the_base_zone(world: World) -> None:
    """An allow of a name that nothing blocks cannot be undone by a hot zone."""
    world.library.allow.add("nobody.example", now=True)
    assert world.library.run().is_good
    with run_in_its_install(world) as run:
        code = "from blocklist import Blocklist\n"
        code += "Blocklist.open('blocklist.toml').allow.remove('nobody.example', now=True)"
        with subprocess.Popen([sys.executable, "-c", code], cwd=world.folder) as decision:
            with pytest.raises(subprocess.TimeoutExpired):
                decision.wait(3)
            (world.folder / "go").write_text("0")
            assert (run.wait(PATIENCE), decision.wait(PATIENCE)) == (0, 0)
    assert world.lines() == []
    assert b"nobody.example" not in world.base.read_bytes()
