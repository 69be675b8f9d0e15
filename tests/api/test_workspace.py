"""The configuration of a library object: found at open, read once, the same for all parts."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

import blocklist
from blocklist import Blocklist, Verdict
from tests.support import fault_server as faults
from tests.support.http_feeds import HttpFeeds
from tests.support.worlds import CONFIG, make_world

OPENINGS: dict[str, Callable[[Path], Blocklist]] = {
    "a relative path": lambda folder: Blocklist.open("blocklist.toml"),
    "a relative path through a folder": lambda folder: Blocklist.open(
        f"../{folder.name}/blocklist.toml"
    ),
    "no path": lambda folder: Blocklist.open(),
    "an absolute path": lambda folder: Blocklist.open(folder / "blocklist.toml"),
}


@pytest.mark.parametrize("way", OPENINGS)
def test_another_current_directory_changes_nothing(
    copied: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.chdir(copied)
    library = OPENINGS[way](copied)
    other = copied / "other"
    other.mkdir()
    make_world(other, CONFIG.replace("feeds.one", "feeds.else"))
    monkeypatch.chdir(other)
    assert library.check("fraud.top").verdict is Verdict.BLOCK
    assert library.run().is_good
    assert library.status().database == str(copied / "blocklist.db")
    (copied / "extra.txt").write_text("extra.top\n")
    library.feeds.add(library.feeds.prepare(str(copied / "extra.txt")))
    assert "[feeds.extra]" in (copied / "blocklist.toml").read_text()
    assert "[feeds.extra]" not in (other / "blocklist.toml").read_text()
    assert library.feeds.show("extra").feed.enabled
    assert library.doctor().findings[0].where == str(library.config_path)
    assert not (other / "blocklist.db").exists()


def test_without_a_configuration_the_folder_is_that_of_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    library = Blocklist.open()
    make_world(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert library.config_path is None
    assert library.status().database == str(tmp_path / "here" / "blocklist.db")
    assert library.doctor().findings[0].where == "no file: the built-in defaults"


def test_a_removed_current_directory_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    for path in ("blocklist.toml", None):
        with pytest.raises(blocklist.StorageError, match="current directory was removed"):
            Blocklist.open(path)
    assert Blocklist.open(tmp_path / "blocklist.toml").config_path == tmp_path / "blocklist.toml"
    monkeypatch.chdir(tmp_path)


def test_an_edit_is_seen_by_no_part(library: Blocklist, copied: Path) -> None:
    assert library.check("fraud.top").verdict is Verdict.BLOCK
    edited = CONFIG.replace("feeds.one", "feeds.uno") + '[resolve]\ncountry = "none.mmdb"\n'
    (copied / "blocklist.toml").write_text('database = "other.db"\n' + edited)
    assert library.check("46.9.9.9").facts == {}, "the GeoIP file is that of the first reading"
    assert library.update()[1].feed == "one"
    assert library.status().database == str(copied / "blocklist.db")
    again = Blocklist.open(copied / "blocklist.toml")
    assert again.status().database == str(copied / "other.db")
    assert [status.feed.name for status in again.feeds.list(category="phishing", enabled=True)] == [
        "uno"
    ]


def test_the_file_is_read_once(library: Blocklist, copied: Path) -> None:
    library.check("fraud.top")
    (copied / "blocklist.toml").unlink()
    for _ in range(2):
        assert library.check("fraud.top").verdict is Verdict.BLOCK
        assert library.run().is_good
        assert library.allow.list() == ()
    (problem,) = library.doctor().problems
    assert "cannot be read" in problem.what, "the doctor looks at the file as it is"


def test_an_addition_is_seen_by_all_parts(library: Blocklist, copied: Path) -> None:
    library.run()
    (copied / "extra.txt").write_text("extra.top\n")
    library.feeds.add(library.feeds.prepare(str(copied / "extra.txt")))
    assert "extra" in [outcome.feed for outcome in library.update()]


# --- Event loops ------------------------------------------------------------------------------

RESOLVING = CONFIG + '[resolve]\nenabled = true\nservers = ["127.0.0.1#9"]\n'
IN_A_LOOP: dict[str, Callable[[Blocklist], object]] = {
    "names": lambda library: library.resolve(["a.example"]),
    "names that are due": lambda library: library.resolve(),
    "no names": lambda library: library.resolve([]),
    "the main job": lambda library: library.run(),
}


@pytest.mark.parametrize("call", IN_A_LOOP)
def test_a_survey_is_refused_in_an_event_loop(tmp_path: Path, call: str) -> None:
    library = Blocklist.open(make_world(tmp_path, RESOLVING))

    async def main() -> None:
        with pytest.raises(blocklist.UsageError, match="call it in another thread"):
            IN_A_LOOP[call](library)

    asyncio.run(main())
    assert not list(tmp_path.glob("*.db")), "nothing was fetched"


def test_all_else_works_in_an_event_loop(http_feeds: HttpFeeds, tmp_path: Path) -> None:
    http_feeds.server.plays["/x"] = faults.good(b"fraud.top\nother.top\n")
    config = CONFIG.replace('"one.txt"', f'"{http_feeds.server.url("/x")}"')
    library = Blocklist.open(make_world(tmp_path, config))

    async def main() -> None:
        assert library.run().is_good
        assert library.feeds.test(http_feeds.server.url("/x"), "domains").accepted == 2
        assert library.check("fraud.top").verdict is Verdict.BLOCK

    asyncio.run(main())
