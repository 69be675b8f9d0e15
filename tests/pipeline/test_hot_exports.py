"""Decisions in a hot zone: the base zone stays, both zones together are the current release."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from blocklist.api.library import Blocklist
from blocklist.errors import ConfigError
from tests.support.hot_worlds import HOT, ZONE, World, listed_name
from tests.support.worlds import CONFIG, make_world


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hot")
    assert Blocklist.open(make_world(folder, CONFIG + HOT)).run().is_good
    return folder


@pytest.fixture
def world(ready: Path, tmp_path: Path) -> World:
    shutil.copytree(ready, tmp_path / "copy")
    world = World(tmp_path / "copy")
    world.library.export()  # a copy is another file, so it is written again
    return world


def test_decisions_leave_the_base_zone_alone(world: World) -> None:
    name, before = listed_name(world), world.base.stat()
    assert world.lines() == []
    world.library.allow.add([name], now=True)
    assert not world.blocks(name)
    first = world.serial()
    world.library.block.add(["new.example"], now=True)
    assert world.blocks("new.example")
    assert not world.blocks(name)
    assert world.serial() > first
    after = world.base.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_run_consolidates(world: World) -> None:
    name = listed_name(world)
    world.library.allow.add([name], now=True)
    assert world.library.run().is_good
    assert world.lines() == []
    assert not world.blocks(name)
    world.library.allow.remove([name], now=True)
    assert world.blocks(name)


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(lambda world: world.hot.unlink(), id="hot-file-lost"),
        pytest.param(lambda world: world.hot.write_text("; broken\n"), id="hot-file-changed"),
        pytest.param(lambda world: world.base.unlink(), id="base-file-lost"),
        pytest.param(lambda world: world.base.write_text("; broken\n"), id="base-file-changed"),
    ],
)
@pytest.mark.parametrize("command", ["run", "decision"])
def test_a_lost_file_is_written_again(
    world: World, harm: Callable[[World], object], command: str
) -> None:
    name = listed_name(world)
    world.library.allow.add([name], now=True)
    harm(world)
    if command == "run":
        world.library.run()
    else:
        world.library.block.add(["new.example"], now=True)
        assert world.blocks("new.example")
    assert not world.blocks(name)


def test_a_rollback_consolidates(world: World) -> None:
    name = listed_name(world)
    world.library.allow.add([name], now=True)
    world.library.releases.rollback(reason="wrong")
    assert world.lines() == []
    assert world.blocks(name)
    world.library.block.add(["new.example"], now=True)
    assert world.blocks("new.example")
    assert world.blocks(name)


def test_switched_off_it_is_emptied_after_the_base_is_written(world: World) -> None:
    name = listed_name(world)
    world.library.allow.add([name], now=True)
    world.configure(ZONE)
    assert world.library.run().is_good
    assert world.lines() == []
    assert not world.blocks(name)


def test_switched_on_it_begins_empty(world: World) -> None:
    world.configure(ZONE)
    world.hot.unlink()
    name = listed_name(world)
    world.library.allow.add([name], now=True)
    world.configure(HOT)
    assert world.library.run().is_good
    assert world.lines() == []
    world.library.block.add(["new.example"], now=True)
    assert world.blocks("new.example")
    assert not world.blocks(name)


def test_a_base_zone_that_fails_keeps_its_hot_zone(world: World) -> None:
    """Emptying the hot zone first would open names."""
    world.library.block.add(["new.example"], now=True)
    world.configure(f'{HOT}reload = ["false"]\n')
    assert not world.library.run().is_good
    assert world.blocks("new.example")


def test_status_is_healthy_with_a_change_in_the_hot_zone(world: World) -> None:
    world.library.block.add(["new.example"], now=True)
    findings = [item for item in world.library.status().findings if item.subject == "zone"]
    assert findings
    assert {str(item.state) for item in findings} == {"fine"}


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(lambda world: world.hot.unlink(), id="hot-file-lost"),
        pytest.param(lambda world: world.hot.write_text("; broken\n"), id="hot-file-changed"),
    ],
)
def test_status_reports_a_harmed_hot_zone(world: World, harm: Callable[[World], object]) -> None:
    harm(world)
    (finding,) = (item for item in world.library.status().findings if item.subject == "zone")
    assert str(finding.state) != "fine"
    assert finding.where.endswith("out/zone.hot")


def test_a_hot_zone_that_is_not_loaded_is_undone(world: World) -> None:
    world.library.block.add(["new.example"], now=True)
    world.configure(f'{HOT}reload = ["sh", "-c", "! grep -q later {{file}}"]\n')
    assert world.library.run().is_good
    world.library.block.add(["other.example"], now=True)
    before = world.lines()
    change = world.library.block.add(["later.example"], now=True)
    assert change.published
    assert change.published.failed_exports
    assert world.lines() == before
    assert world.blocks("new.example")
    assert world.blocks("other.example")


@pytest.mark.parametrize(
    ("zone", "fault"),
    [
        pytest.param(HOT.replace('"rpz"', '"rpz-knot"'), "no pass-through", id="knot"),
        pytest.param(HOT.replace('"rpz"', '"rpz-ip"'), "no response policy zone", id="addresses"),
        pytest.param(HOT.replace('"rpz"', '"hosts"'), "no response policy zone", id="hosts"),
        pytest.param(HOT + 'feeds = ["mine"]\n', "all names", id="feeds"),
        pytest.param(HOT + "alive = true\n", "all names", id="alive"),
        pytest.param(
            HOT + 'hot_zone = "rpz.test"\n', "exports.zone has this zone already", id="same-zone"
        ),
        pytest.param(HOT + 'hot_path = "out/zone"\n', "has this path", id="same-path"),
        pytest.param(HOT + 'hot_path = "./out/../out/zone"\n', "has this path", id="same-file"),
        pytest.param(HOT + 'hot_path = "blocklist.db"\n', "has this path", id="database"),
        pytest.param(
            HOT + 'hot_zone = "b.test"\n[exports.b]\ntarget = "rpz"\npath = "out/b"\n'
            'zone = "b.test"\n',
            "has this zone",
            id="zone-of-another",
        ),
        pytest.param(
            HOT + 'hot_zone = "RPZ.test."\n',
            "exports.zone has this zone already",
            id="same-zone-typed",
        ),
    ],
)
def test_what_cannot_have_a_hot_zone(tmp_path: Path, zone: str, fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        Blocklist.open(make_world(tmp_path, CONFIG + zone)).run()
