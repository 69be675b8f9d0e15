"""The main job: what its report says in every outcome, and in which order things happen."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from blocklist.config.loader import Config, load_config
from blocklist.errors import BlocklistError, ConfigError, GateHeld, LockHeld, StorageError
from blocklist.ledger.db.lock import hold_writer_lock
from blocklist.pipeline import run as job
from blocklist.pipeline.events import EventKind, ProgressEvent, Stage
from blocklist.pipeline.reports import RunReport
from blocklist.pipeline.run import run_pipeline
from tests.support.cli import Run, commands
from tests.support.worlds import CONFIG, make_world

STRICT = CONFIG + "[gate]\nalways = 0\nmax_removed = 0.1\n"
MANDATORY = CONFIG.replace("[guards.top]", "[guards.top]\nmandatory = true")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a function that runs a command in a folder with a configuration."""
    make_world(tmp_path)
    return commands(tmp_path, monkeypatch, capsys)


def load(folder: Path, config: str = CONFIG) -> Config:
    return load_config(make_world(folder, config))


def test_a_good_run(tmp_path: Path) -> None:
    events: list[ProgressEvent] = []
    report = run_pipeline(load(tmp_path), progress=events.append)
    assert report.is_good
    assert report.release and report.release.blocked == 6
    assert (report.expired, report.resolved, report.held, report.error) == ((), None, None, None)
    ends = [event.stage for event in events if event.kind is EventKind.END]
    assert ends == [Stage.UPDATE, Stage.EXPIRE, Stage.BUILD, Stage.EXPORT]
    items = [event.item for event in events if event.kind is EventKind.ITEM]
    assert sorted(items) == ["names", "one", "top", "two"]
    rebuilt = RunReport()
    for event in events:
        if event.kind is EventKind.END:
            rebuilt = rebuilt.with_result(event.stage, event.result)
    assert rebuilt == report, "whoever listens can say what was done so far"


def test_a_failed_feed_is_in_the_report(tmp_path: Path) -> None:
    config = load(tmp_path)
    (tmp_path / "two.txt").unlink()
    report = run_pipeline(config)
    assert [outcome.feed for outcome in report.failed_feeds] == ["two"]
    assert not report.is_good
    assert report.release, "the others are published"


def test_a_failed_export_is_in_the_report(tmp_path: Path) -> None:
    config = load(tmp_path)
    block_export(tmp_path)
    report = run_pipeline(config)
    assert [outcome.name for outcome in report.failed_exports] == ["names"]
    assert not report.is_good


def test_what_the_gate_holds_is_in_the_report_and_exports_go_on(tmp_path: Path) -> None:
    config = load(tmp_path, STRICT)
    assert run_pipeline(config).is_good
    (tmp_path / "one.txt").write_text("fraud.top\n")
    report = run_pipeline(config)
    assert isinstance(report.held, GateHeld)
    assert (report.built, report.release, report.error) == (None, None, None)
    assert report.exports and report.exports[0].result
    assert run_pipeline(config, accept=["one"]).is_good, "a person looked at it"


def test_a_first_release_that_is_held_ends_the_job(tmp_path: Path) -> None:
    config = load(tmp_path, MANDATORY)
    (tmp_path / "top.txt").unlink()
    report = run_pipeline(config)
    assert report.held is report.error is not None
    assert (report.exports, len(report.feeds or ())) == (None, 3)


def test_an_error_in_the_middle_is_in_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StorageError("disk full")

    monkeypatch.setattr(job, "build_stage", fail)
    report = run_pipeline(load(tmp_path))
    assert str(report.error) == "disk full"
    assert (report.built, report.exports, report.expired) == (None, None, ())
    assert not report.is_good


def test_an_error_before_the_work_is_raised(tmp_path: Path) -> None:
    config = load(tmp_path)
    with hold_writer_lock(config.database, "another"), pytest.raises(LockHeld):
        run_pipeline(config)
    with pytest.raises(BlocklistError, match="is not among the feeds"):
        run_pipeline(config, accept=["oen"])
    with pytest.raises(ConfigError, match="no feed is enabled"):
        run_pipeline(load(tmp_path, ""))


# --- The document of `run --json` -------------------------------------------------------------

GOOD = {
    "schema", "feeds", "ended", "resolved", "release", "changed", "pin", "held", "exports", "error",
}  # fmt: skip


def lose_feed(folder: Path) -> None:
    (folder / "two.txt").unlink()


def lose_guard(folder: Path) -> None:
    make_world(folder, MANDATORY)
    (folder / "top.txt").unlink()


def block_export(folder: Path) -> None:
    (folder / "out/names").mkdir(parents=True)


OUTCOMES: list[tuple[str, Callable[[Path], object], set[str], int]] = [
    ("a good run", str, GOOD, 0),
    ("a feed fails", lose_feed, GOOD, 4),
    ("an export fails", block_export, GOOD, 6),
    ("a first release is held", lose_guard, GOOD, 3),
]


@pytest.mark.parametrize(
    ("why", "change", "keys", "code"), OUTCOMES, ids=[why for why, *_ in OUTCOMES]
)
def test_the_document_says_what_was_done(
    run: Run, tmp_path: Path, why: str, change: Callable[[Path], object], keys: set[str], code: int
) -> None:
    change(tmp_path)
    ended = run("run", "--json")
    assert (ended.code, set(ended.json)) == (code, keys), why


def test_a_held_release_has_its_objections_and_its_exports(run: Run, tmp_path: Path) -> None:
    make_world(tmp_path, STRICT)
    run("run")
    (tmp_path / "one.txt").write_text("fraud.top\n")
    ended = run("run", "--json")
    assert (ended.code, set(ended.json)) == (3, GOOD)
    assert ended.json["release"]["number"] == 1, "the release that stays"
    assert ended.json["held"].startswith("the gate held the release")


def test_an_interrupted_run_shows_what_was_done(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(job, "build_stage", interrupt)
    ended = run("run", "--json")
    assert ended.code == 130
    assert set(json.loads(ended.out)) == GOOD
    assert "interrupted" in ended.err


def test_an_error_before_the_work_shows_no_document(run: Run, tmp_path: Path) -> None:
    (tmp_path / "blocklist.toml").write_text("nonsense = 1\n")
    ended = run("run", "--json")
    assert (ended.code, ended.out) == (2, "")
