"""Decisions beside jobs: in force at once if asked, and never lost, whatever a job does."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest

from blocklist.api.library import Blocklist
from blocklist.config.loader import load_config
from blocklist.errors import GateHeld, LockHeld, NotFoundError
from blocklist.ledger.db.connection import open_read_write
from blocklist.ledger.db.lock import hold_writer_lock
from blocklist.ledger.db.writer import open_run
from blocklist.pipeline.events import EventKind, Stage
from blocklist.release.entry_release import publish_entries_once
from tests.support.fault_server import Asked, Connection, FaultServer, running
from tests.support.interleave import (
    PATIENCE,
    Place,
    file_release,
    listed_names,
    meanwhile,
    run_meanwhile,
)
from tests.support.releases import age_feed
from tests.support.worlds import CONFIG, make_world

ZONE = '[exports.zone]\ntarget = "rpz"\npath = "out/zone"\nzone = "rpz.test"\n'


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a first release, to be copied."""
    folder = tmp_path_factory.mktemp("ready")
    assert Blocklist.open(make_world(folder, CONFIG + ZONE)).run().is_good
    return folder


@pytest.fixture
def library(copied: Path) -> Blocklist:
    return Blocklist.open(copied / "blocklist.toml")


def numbers(library: Blocklist) -> list[int]:
    return [release.number for release in library.releases.list()][::-1]


def check_files(library: Blocklist, folder: Path) -> None:
    """Check that releases are numbered without a gap, and files are of the current one."""
    last = len(numbers(library))
    assert numbers(library) == list(range(1, last + 1))
    names = listed_names(folder / "out/names")
    current = library.releases.show().rows
    expected = current.filter(kind="domain", action="block")["value"].to_list()
    assert names == set(expected), "the file is not the current release"
    assert library.export()[0].result
    assert listed_names(folder / "out/names") == names, "and it was that already"


# --- One decision alone --------------------------------------------------------------------------


def test_an_allow_is_in_force_at_once(library: Blocklist, copied: Path) -> None:
    assert "fraud.top" in listed_names(copied / "out/names")
    change = library.allow.add("fraud.top", now=True)
    assert change.published and not change.error
    assert (change.published.release.number, change.published.release.cause) == (2, "allow add")
    assert [outcome.name for outcome in change.published.exports] == ["names", "zone"]
    assert "fraud.top" not in listed_names(copied / "out/names")
    assert library.check("fraud.top").verdict == "allow"
    check_files(library, copied)
    removed = library.allow.remove("fraud.top", now=True)
    assert removed.published and removed.published.release.number == 3
    assert "fraud.top" in listed_names(copied / "out/names"), "a feed lists it still"
    check_files(library, copied)
    assert library.run().is_good
    assert numbers(library) == [1, 2, 3], "a run judges the same"


DECISIONS: list[tuple[str, Callable[[Blocklist], object], str, str]] = [
    ("a name is blocked", lambda b: b.block.add("new.top", now=True), "new.top", "block"),
    ("a network is blocked", lambda b: b.block.add("192.0.2.0/24", now=True), "192.0.2.7", "block"),
    ("an address in a list", lambda b: b.allow.add("46.9.9.9", now=True), "46.9.9.9", "allow"),
    ("its network", lambda b: b.allow.add("46.9.0.0/16", now=True), "46.9.9.9", "allow"),
    ("a page", lambda b: b.block.add("https://pages.com/x", now=True), "https://pages.com/x",
     "block"),
    ("all below a name", lambda b: b.allow.add("top", public_suffix=True, now=True), "fraud.top",
     "allow"),
    ("a held name", lambda b: b.review.accept("shop.com", now=True), "shop.com", "block"),
    ("rejected", lambda b: b.review.reject("shop.com", now=True), "shop.com", "allow"),
    ("for a while", lambda b: b.allow.add("fraud.top", expires=timedelta(hours=1), now=True),
     "fraud.top", "allow"),
]  # fmt: skip


@pytest.mark.parametrize(("why", "decide", "name", "verdict"), DECISIONS)
def test_decisions_of_each_kind(
    library: Blocklist, why: str, decide: Callable[[Blocklist], object], name: str, verdict: str
) -> None:
    decide(library)
    assert numbers(library) == [1, 2], why
    assert library.check(name).verdict == verdict, why
    before = library.releases.show().rows.sort("value", "scope")
    library.build_release()
    assert library.releases.show().rows.sort("value", "scope").equals(before), (
        "a full build gives the same"
    )
    assert numbers(library) == [1, 2]


def test_what_feeds_did_since_waits_for_the_run(library: Blocklist, copied: Path) -> None:
    (copied / "one.txt").write_text("fraud.top\nlater.top\n")
    library.update()
    library.allow.add("fraud.top", now=True)
    names = listed_names(copied / "out/names")
    assert "other.top" in names, "the feed lists it no more, but nobody judged that"
    assert "later.top" not in names
    library.block.add("later.top")
    library.block.remove("later.top", now=True)
    assert "later.top" not in listed_names(copied / "out/names")
    assert library.run().is_good
    assert "later.top" in listed_names(copied / "out/names")


def test_an_earlier_decision_is_published_with_a_later_one(library: Blocklist) -> None:
    library.block.add("first.top")
    library.block.add("second.top", now=True)
    assert library.check("first.top").verdict == "block"
    assert numbers(library) == [1, 2]
    assert library.allow.add("unlisted.example", now=True).published
    assert library.block.add("second.top", now=True).published
    assert numbers(library) == [1, 2, 3], "the same once more is no release"


def test_without_a_release_the_decision_is_stored(tmp_path: Path) -> None:
    library = Blocklist.open(make_world(tmp_path))
    change = library.allow.add("fraud.top", now=True)
    assert isinstance(change.error, NotFoundError)
    assert change.published is None
    library.run()
    assert library.check("fraud.top").verdict == "allow"


def test_without_sound_guards_no_feed_blocks_again(library: Blocklist, copied: Path) -> None:
    library.allow.add("fraud.top", now=True)
    guard = CONFIG.replace("[guards.top]", "[guards.top]\nmandatory = true")
    (copied / "blocklist.toml").write_text(guard)
    (copied / "top.txt").unlink()
    library = Blocklist.open(copied / "blocklist.toml")
    library.update()
    age_feed(next(copied.glob("*.db")), "top")
    library.allow.remove("fraud.top", now=True)
    assert library.check("fraud.top").verdict == "allow", "as the gate's guard rule is"
    library.block.add("mine.top", now=True)
    assert library.check("mine.top").verdict == "block", "but other decisions count"


def test_a_pinned_release_can_be_repaired(library: Blocklist, copied: Path) -> None:
    library.block.add("undone.top", now=True)
    library.block.add("not-published-yet.top")
    library.releases.rollback()
    library.allow.add("fraud.top", now=True)
    assert numbers(library) == [1, 2, 3, 4]
    assert library.check("fraud.top").verdict == "allow"
    assert library.check("not-published-yet.top").verdict == "block", "nobody undid it"
    assert library.check("undone.top").verdict == "clear", "what was undone stays undone"
    assert library.check("undone.top").pending is None
    notes = {noted.entry.value: noted.note for noted in library.block.list()}
    assert notes["undone.top"] == "undone by a rollback; add it again if it should count"
    assert library.releases.pin()
    (copied / "one.txt").write_text("fraud.top\nlater.top\n")
    library.block.add("while-pinned.top")
    report = library.run()
    assert report.built and report.built.pin and report.built.is_new
    assert library.check("while-pinned.top").verdict == "block"
    assert library.check("later.top").verdict == "clear", "feeds wait"
    check_files(library, copied)
    library.block.add("undone.top", now=True)
    assert library.check("undone.top").verdict == "block", "decided again, it counts"
    library.releases.unpin()
    library.run()
    assert library.check("later.top").verdict == "block"
    assert library.check("undone.top").verdict == "block"


def test_what_one_rollback_undid_the_next_leaves_undone(library: Blocklist) -> None:
    library.block.add("kept.top", now=True)
    library.block.add("undone.top", now=True)
    library.block.remove("kept.top", now=True)
    library.releases.rollback(3)
    assert library.check("kept.top").verdict == "block", "it is in force again"
    library.releases.rollback(1)
    library.releases.rollback(2)
    assert library.run().built
    assert library.check("kept.top").verdict == "block"
    assert library.check("undone.top").verdict == "clear"
    library.block.remove("undone.top", now=True)
    assert library.check("kept.top").verdict == "block"
    library.releases.unpin()
    library.run()
    assert library.check("kept.top").verdict == "clear"


def test_a_candidate_survives_a_decision(library: Blocklist, copied: Path) -> None:
    strict = CONFIG + "[gate]\nalways = 0\nmax_removed = 0.1\n"
    (copied / "blocklist.toml").write_text(strict)
    (copied / "one.txt").write_text("fraud.top\n46.9.9.9\n")
    library = Blocklist.open(copied / "blocklist.toml")
    assert isinstance(library.run().held, GateHeld)
    library.allow.add("fraud.top", now=True)
    held = library.releases.show("candidate").release
    assert held.number == 3
    assert library.check("other.top").verdict == "block"
    report = library.releases.accept("I looked")
    assert report.release.number == 3
    assert (report.release.blocked, report.release.removed) == (held.blocked, held.removed)
    assert library.check("other.top").verdict == "clear"
    assert library.check("fraud.top").verdict == "allow"
    assert library.run().is_good
    assert numbers(library) == [1, 2, 3]
    check_files(library, copied)


def test_entries_end_on_time(library: Blocklist, copied: Path) -> None:
    assert library.expire(now=True).published is None
    library.allow.add("later.top")
    assert library.expire(now=True).published is None, "an entry that begins waits for a run"
    library.allow.remove("later.top")
    library.allow.add("fraud.top", expires=timedelta(hours=1), now=True)
    assert library.check("fraud.top").verdict == "allow"
    assert library.expire(now=True).published is None
    with open_read_write(copied / "blocklist.db") as writing:
        writing.execute("UPDATE entry SET expires = '2026-01-01T00:00:00Z'")
    change = library.expire(now=True)
    assert [entry.value for entry in change.entries] == ["fraud.top"]
    assert change.published and change.published.release.cause == "expire"
    assert library.check("fraud.top").verdict == "block"
    assert library.expire(now=True).published is None


# --- Beside a job --------------------------------------------------------------------------------

PLACES: list[tuple[str, Place]] = [
    ("before feeds are fetched", (Stage.UPDATE, EventKind.START, "")),
    ("while feeds are stored", (Stage.UPDATE, EventKind.ITEM, "one")),
    ("after feeds were stored", (Stage.UPDATE, EventKind.END, "")),
    ("before judging", (Stage.BUILD, EventKind.NOTE, "judging")),
    ("judged, not published", (Stage.BUILD, EventKind.NOTE, "verifying names")),
    ("published, not exported", (Stage.BUILD, EventKind.END, "")),
    ("while exports are written", (Stage.EXPORT, EventKind.ITEM, "export names")),
    ("after the exports", (Stage.EXPORT, EventKind.END, "")),
]


@pytest.mark.parametrize(("why", "place"), PLACES)
def test_a_decision_at_once_during_a_run(
    library: Blocklist, copied: Path, why: str, place: Place
) -> None:
    (copied / "one.txt").write_text("fraud.top\nlater.top\n46.9.9.9\n")

    def decide() -> None:
        change = library.allow.add("fraud.top", now=True)
        assert change.published and not change.published.failed_exports
        assert "fraud.top" not in listed_names(copied / "out/names"), why

    run_meanwhile(library, place, decide)
    assert library.check("fraud.top").verdict == "allow"
    assert library.check("later.top").verdict == "block"
    assert library.check("other.top").verdict == "clear"
    check_files(library, copied)


@pytest.mark.parametrize(("why", "place"), PLACES[:-1])
def test_a_decision_for_the_next_run_during_a_run(
    library: Blocklist, copied: Path, why: str, place: Place
) -> None:
    (copied / "one.txt").write_text("fraud.top\nlater.top\n46.9.9.9\n")
    run_meanwhile(library, place, lambda: library.allow.add("fraud.top"))
    assert library.check("fraud.top").verdict == "allow", why
    assert library.check("later.top").verdict == "block"
    assert "fraud.top" not in listed_names(copied / "out/names")
    check_files(library, copied)


def test_a_decision_while_a_feed_hangs(copied: Path) -> None:
    asked, finish = Event(), Event()

    async def drip(connection: Connection, _: Asked) -> None:
        await connection.head("200 OK", "Content-Type: text/plain")
        await connection.body(b"fraud.top\nlater.top\n")
        asked.set()
        await asyncio.to_thread(finish.wait, PATIENCE)

    with running(FaultServer(plays={"/list": drip}), {}) as server:
        text = CONFIG.replace('"one.txt"', f'"{server.url("/list", "http")}"')
        (copied / "blocklist.toml").write_text(text)
        library = Blocklist.open(copied / "blocklist.toml")
        with ThreadPoolExecutor(1) as pool:
            job = pool.submit(library.run)
            assert asked.wait(PATIENCE)
            change = library.allow.add("fraud.top", now=True)
            assert change.published and change.published.release.number == 2
            assert not job.done(), "the run hangs still"
            assert "fraud.top" not in listed_names(copied / "out/names")
            finish.set()
            assert job.result(PATIENCE).is_good
    assert library.check("fraud.top").verdict == "allow"
    assert library.check("later.top").verdict == "block"
    check_files(library, copied)


def test_decisions_that_never_end_do_not_keep_a_run_from_publishing(
    library: Blocklist, copied: Path
) -> None:
    """Each attempt of the run is disturbed, but for the last, during which decisions wait."""
    (copied / "one.txt").write_text("later.top\n46.9.9.9\n")
    decided: list[int] = []

    def disturb(event: object) -> None:
        if getattr(event, "text", "") == "verifying names" and len(decided) < 2:
            decided.append(0)
            library.block.add(f"n{len(decided)}.top", now=True)

    assert library.run(progress=disturb).is_good
    assert library.check("later.top").verdict == "block"
    assert library.check("n2.top").verdict == "block"
    check_files(library, copied)


def test_a_rollback_that_meets_a_decision(library: Blocklist, copied: Path) -> None:
    library.block.add("undone.top", now=True)
    place = (Stage.PUBLISH, EventKind.END, "")
    meanwhile(
        lambda progress: library.releases.rollback(progress=progress),
        place,
        lambda: library.allow.add("fraud.top", now=True),
    )
    assert numbers(library) == [1, 2, 3, 4]
    assert library.check("fraud.top").verdict == "allow"
    assert library.check("undone.top").verdict == "clear"
    check_files(library, copied)


def test_decisions_at_once_are_all_published(library: Blocklist, copied: Path) -> None:
    names = [f"mine{number}.top" for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        changes = list(pool.map(lambda name: library.block.add(name, now=True), names))
    assert all(change.published and not change.error for change in changes)
    assert listed_names(copied / "out/names") >= set(names)
    check_files(library, copied)


def test_a_job_that_is_refused_names_the_other(library: Blocklist, copied: Path) -> None:
    with hold_writer_lock(copied / "blocklist.db", "run"):
        assert library.allow.add("fraud.top", now=True).published
        with pytest.raises(LockHeld, match=r"\(run\) since 20"):
            library.run()


def test_an_export_of_an_older_release_is_not_installed(library: Blocklist, copied: Path) -> None:
    """A decision is published and exported after a run rehearsed and published its release."""
    (copied / "one.txt").write_text("fraud.top\nlater.top\n46.9.9.9\n")
    place = (Stage.BUILD, EventKind.END, "")
    run_meanwhile(library, place, lambda: library.block.add("after.top", now=True))
    for name in ("names", "zone"):
        assert file_release(copied / "out" / name) == 3


def test_a_rehearsal_of_a_release_that_another_one_took_is_not_installed(
    library: Blocklist, copied: Path
) -> None:
    """A run rehearses release 2; a decision takes its number, and the run finds nothing more."""
    library.allow.add("fraud.top")
    place = (Stage.BUILD, EventKind.NOTE, "verifying names")

    def decide() -> None:
        library.allow.remove("fraud.top")
        library.block.add("mine.top")
        config = load_config(copied / "blocklist.toml")
        with open_run(config.database, "killed before its exports") as writer:
            publish_entries_once(config, writer, "a decision")

    run_meanwhile(library, place, decide)
    assert {"mine.top", "fraud.top"} <= listed_names(copied / "out/names")
    check_files(library, copied)
