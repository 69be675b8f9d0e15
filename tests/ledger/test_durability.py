"""Durability: the ledger after kills, full disks, power cuts and pruning."""

import os
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from benchmarks import powercuts
from blocklist.errors import NotFoundError
from blocklist.ledger import prune
from blocklist.ledger.db import connection
from blocklist.ledger.db.connection import find_database_faults, open_read_only
from blocklist.ledger.db.timestamps import current_timestamp, format_timestamp
from blocklist.ledger.db.transaction import write_transaction
from blocklist.ledger.db.writer import LedgerWriter, open_ledger_writer
from blocklist.ledger.point_in_time import parse_point_in_time
from blocklist.ledger.releases.history import list_releases
from blocklist.release.history.references import find_referenced_release
from blocklist.release.history.rollback import undo_feed_update
from tests.support.cli import Run, commands
from tests.support.process import blocklist
from tests.support.releases import release_actions, run_build


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "blocklist.toml").write_text('[feeds.mine]\nurl = "mine.txt"\nformat = "domains"\n')
    (tmp_path / "mine.txt").write_text("a.top\nb.top\n")
    return tmp_path


@pytest.mark.slow
def test_a_full_disk_leaves_the_last_complete_state(folder: Path) -> None:
    run_build(folder)
    (folder / "mine.txt").write_text("".join(f"fraud{number}.top\n" for number in range(90_000)))
    database, limit = folder / "blocklist.db", 1 << 20

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    def accepting(before: Callable[[], None] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "blocklist", "run", "--accept", "mine"],
            cwd=folder, preexec_fn=before, capture_output=True, text=True, check=False,
        )  # fmt: skip

    done = accepting(little_room)
    assert done.returncode == 2, done.stderr
    assert f"{database}: cannot be" in done.stderr
    assert "Free space on the disk, or replace it, and run this again" in done.stderr
    assert "Traceback" not in done.stderr
    with open_read_only(database) as reader:
        assert reader is not None
        assert find_database_faults(reader) == []
        assert [release.number for release in list_releases(reader)] == [1]
    assert len(release_actions(folder, 1)) == 2
    done = accepting()
    assert (done.returncode, len(release_actions(folder, 2))) == (0, 90_000), (
        "and with room it goes on"
    )


def test_a_commit_waits_for_the_disk(folder: Path) -> None:
    run_build(folder)
    with write_transaction(folder / "blocklist.db") as transaction:
        assert transaction.execute("PRAGMA synchronous").fetchone() == (2,)
        assert transaction.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_prune_deletes_ended_history_only(folder: Path) -> None:
    database = folder / "blocklist.db"
    texts = ["a.top\nb.top\n", "b.top\nc.top\n", "c.top\nd.top\n"]
    for text in texts:
        (folder / "mine.txt").write_text(text)
        run_build(folder)
    kept = [release_actions(folder, number) for number in (2, 3)]
    with connection.open_read_write(database) as opened:
        for number in (1, 2, 3):
            created = [f"2026-05-0{number}T06:00:00Z", number]
            opened.execute("UPDATE release SET created = ? WHERE number = ?", created)
    with open_ledger_writer(database, "prune") as opened:
        assert prune.prune_history(opened, "2026-04-01T00:00:00Z") == prune.PruneResult(0, 0, 0)
        assert prune.prune_history(opened, "2026-05-02T12:00:00Z") == prune.PruneResult(1, 1, 1)
        assert prune.prune_history(opened, "2026-05-02T12:00:00Z") == prune.PruneResult(0, 0, 0)
    assert [release_actions(folder, number) for number in (2, 3)] == kept
    with open_read_only(database) as reader:
        assert reader is not None
        assert find_database_faults(reader) == []
        assert [release.pruned for release in list_releases(reader)] == [
            False,
            False,
            True,
        ]
        assert parse_point_in_time(reader, "2026-05-02T12:00").release == 2
        for asked in (
            lambda: find_referenced_release(reader, "1"),
            lambda: parse_point_in_time(reader, "2026-05-01"),
        ):
            with pytest.raises(NotFoundError, match="was pruned"):
                asked()


def test_prune_deletes_even_if_the_file_cannot_shrink(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = commands(folder, monkeypatch, capsys)
    for text in ("a.top\nb.top\n", "b.top\nc.top\n"):
        (folder / "mine.txt").write_text(text)
        assert command("run").code == 0
    other = sqlite3.connect(folder / "blocklist.db", isolation_level=None)
    other.execute("UPDATE release SET created = '2001-01-01T00:00:00Z'")
    shrink = prune._vacuum_database

    def busy(writer: LedgerWriter) -> str | None:
        other.execute("BEGIN IMMEDIATE")
        try:
            return shrink(writer)
        finally:
            other.execute("ROLLBACK")

    with monkeypatch.context() as patch:
        patch.setattr(connection, "BUSY_TIMEOUT_SECONDS", 0.1)
        patch.setattr(prune, "_vacuum_database", busy)
        ended = command("prune", "--keep", "1d")
    assert ended.code == 0
    assert "1 verdicts of 1 releases, and 1 listings" in ended.out
    assert "the file could not be made smaller: " in ended.err
    assert "database is locked; prune again later" in ended.err
    assert command("prune", "--keep", "1d").err == ""
    other.close()


def test_after_a_clock_went_back_prune_deletes_too_little_rather_than_too_much(
    folder: Path,
) -> None:
    database = folder / "blocklist.db"
    for number, text in enumerate(("a.top\nb.top\n", "b.top\nc.top\n", "c.top\nd.top\n"), start=1):
        (folder / "mine.txt").write_text(text)
        run_build(folder)
        created = "1970-01-01T00:00:00Z" if number == 3 else f"2026-05-0{number}T06:00:00Z"
        with connection.open_read_write(database) as opened:
            opened.execute("UPDATE release SET created = ? WHERE number = ?", [created, number])
    with open_ledger_writer(database, "prune") as opened:
        assert prune.prune_history(opened, "2026-04-01T00:00:00Z") == prune.PruneResult(0, 0, 0)
        assert prune.prune_history(opened, "2026-05-01T12:00:00Z") == prune.PruneResult(0, 0, 0)
        assert prune.prune_history(opened, "2026-05-02T12:00:00Z").releases == 2


def test_a_run_warns_of_a_clock_that_went_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command: Run = commands(folder, monkeypatch, capsys)
    assert "the clock says" not in command("run").err
    assert "the clock says" not in command("run").err
    with connection.open_read_write(folder / "blocklist.db") as opened:
        opened.execute("UPDATE run SET started = '2999-01-01T00:00:00Z' WHERE id = 2")
    ended = command("run")
    assert ended.code == 0, "which is no reason not to do the job"
    assert "and the last run began at 2999-01-01T00:00:00Z" in ended.err
    assert "the clock says" not in command("run").err, "and then it is the clock that counts"


def test_an_update_cannot_be_undone_once_its_ended_listings_are_pruned(folder: Path) -> None:
    database = folder / "blocklist.db"
    for text in ("a.top\nb.top\n", "b.top\nc.top\n"):
        (folder / "mine.txt").write_text(text)
        run_build(folder)
    with open_ledger_writer(database, "prune") as opened:
        assert prune.prune_history(opened, current_timestamp()).listings == 1
        with pytest.raises(NotFoundError, match="no earlier update to go back to"):
            undo_feed_update(opened, "mine", "")
    assert run_build(folder) is None


def test_timestamps_of_early_years_sort_before_later_ones() -> None:
    long_ago = datetime(2026, 11, 25, tzinfo=UTC) - timedelta(weeks=60_000)
    assert format_timestamp(long_ago) == "0876-12-23T00:00:00Z"


def test_files_left_by_a_killed_run_are_reported_and_removed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command: Run = commands(folder, monkeypatch, capsys)
    text = (folder / "blocklist.toml").read_text()
    export = '[exports.names]\ntarget = "domains"\npath = "out/names"\n'
    (folder / "blocklist.toml").write_text(text + export)
    assert command("run").code == 0
    left, other = folder / "out/.names.abcdefgh.new", folder / "out/.names.previous"
    left.touch()
    other.touch()
    found = [one for one in command("doctor", "--json").json["findings"] if "killed" in one["what"]]
    assert [one["where"] for one in found] == [str(left)]
    assert command("export").code == 0
    assert (left.exists(), other.exists()) == (False, True)
    assert "1 releases" not in command("prune", "--keep", "1d").out
    assert command("prune", "--keep", "soon").code == 2


def test_a_damaged_database_is_found(folder: Path) -> None:
    run_build(folder)
    with connection.open_read_write(folder / "blocklist.db") as opened:
        opened.execute("UPDATE verdict_row SET since = 99 WHERE value = 'a.top'")
    with open_read_only(folder / "blocklist.db") as reader:
        assert reader is not None
        assert find_database_faults(reader) == ["a row of verdict_row refers to no release"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("harm", "says"),
    [
        ("crashes", "runs killed"),
        ("powercuts", "power cuts"),
        ("interleavings", "histories at once"),
    ],
)
def test_runs_killed_at_random_leave_the_last_complete_state(harm: str, says: str) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", f"benchmarks.{harm}", "8", "2"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"8  {says}, none with a " in done.stdout


MANY = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
INSERT INTO entry (kind, value, scope, action, reason, created)
SELECT 0, i || '.example', 0, 'block', '', '' FROM n
"""


def test_a_power_cut_within_a_transaction_leaves_the_last_commit(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    run_build(folder)
    (folder / "out").mkdir()
    beside = tmp_path_factory.mktemp("cuts")
    with connection.open_read_write(folder / "blocklist.db") as opened:
        opened.execute("INSERT INTO run (command, started) VALUES ('last', '')")
        opened.execute("PRAGMA cache_size = 2")  # so that it is written before the commit
        opened.execute("BEGIN")
        opened.execute(MANY)
        copies = [Path(shutil.copytree(folder, beside / str(seed))) for seed in range(10)]
        opened.execute("ROLLBACK")
    for seed, copy in enumerate(copies):
        assert powercuts.tear(copy, random.Random(seed)), "there was something to lose"
        with open_read_only(copy / "blocklist.db") as reader:
            assert reader is not None
            assert find_database_faults(reader) == []
            assert reader.execute("SELECT count(*) FROM entry").fetchone() == (0,)
            last = reader.execute("SELECT command FROM run ORDER BY id DESC").fetchone()
            assert last == ("last",), "a commit was on the disk before it was told"
    (copies[0] / "mine.txt").write_text("b.top\nc.top\n")
    assert run_build(copies[0]) is not None


READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && cd "$1" && shift && "$@"'


def on_a_read_only_mount(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder that nobody can write to; mounts end with the command."""
    own = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    words = [*own, "sh", "-c", READ_ONLY, "sh", str(folder), *command]
    return subprocess.run(words, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_read_only_mount_allows_reading_only(folder: Path) -> None:
    try:
        allowed = on_a_read_only_mount(folder, "true").returncode == 0
    except FileNotFoundError:
        allowed = False
    if not allowed:
        pytest.skip("no mount of its own is allowed here")
    run_build(folder)
    blocklist = [sys.executable, "-m", "blocklist"]
    done = on_a_read_only_mount(folder, *blocklist, "allow", "add", "a.top")
    assert (done.returncode, done.stderr) == (
        2,
        f"blocklist: {folder}/blocklist.db: cannot be written: unable to open database file; "
        "let this user write to the file and to its folder\n",
    )
    for words in (["run"], ["update"], ["export"], ["release", "build"]):
        done = on_a_read_only_mount(folder, *blocklist, *words)
        assert done.returncode == 2, (words, done.stderr)
        assert "blocklist.db.lock: the lock file cannot be opened by user" in done.stderr
        assert "Read-only file system" in done.stderr
    for words, code in ((["check", "a.top"], 1), (["check", "c.top"], 0), (["review"], 0)):
        done = on_a_read_only_mount(folder, *blocklist, *words)
        assert (done.returncode, done.stderr.count("decide with")) == (code, 0), done.stderr
        assert done.stdout
    done = on_a_read_only_mount(folder, *blocklist, "doctor")
    assert done.returncode == 2
    assert f"{folder} cannot be written to" in " ".join(done.stdout.split())
    with connection.open_read_write(folder / "blocklist.db") as opened:
        opened.execute("INSERT INTO job VALUES ('test', 'now', 1)")
        # As a program leaves it that is stopped: what was committed last is in the log alone.
        stopped = shutil.copytree(folder, folder.with_name("stopped"))
        (stopped / "blocklist.db-shm").unlink()
    done = on_a_read_only_mount(stopped, *blocklist, "check", "a.top")
    assert (done.returncode, done.stdout) == (2, "")
    assert "blocklist.db: a program that was stopped left its log" in done.stderr


@pytest.mark.slow
def test_the_day_a_list_lost_a_million_names(tmp_path: Path) -> None:
    """hagezi/dns-blocklists#10178 at a hundredth of its size, with both budgets in its way."""
    (tmp_path / "blocklist.toml").write_text('[feeds.huge]\nurl = "huge.txt"\nformat = "domains"\n')
    (tmp_path / "huge.txt").write_text("".join(f"fraud{n}.top\n" for n in range(13_000)))
    assert blocklist(tmp_path, "run").returncode == 0
    (tmp_path / "huge.txt").write_text("".join(f"fraud{n}.top\n" for n in range(3_000)))
    done = blocklist(tmp_path, "run")
    assert done.returncode == 4
    assert "shrank from 13,000 to 3,000 entries" in done.stderr
    assert "blocklist run --accept huge" in done.stderr
    assert blocklist(tmp_path, "check", "fraud12999.top").returncode == 1
    for words, code in ((("update", "--accept", "huge"), 0), (("run",), 3)):
        assert blocklist(tmp_path, *words).returncode == code, "the gate has a budget of its own"
    assert blocklist(tmp_path, "check", "fraud12999.top").returncode == 1
    assert blocklist(tmp_path, "release", "accept", "--reason", "they meant it").returncode == 0
    assert blocklist(tmp_path, "check", "fraud12999.top").returncode == 0
    (tmp_path / "huge.txt").write_text("".join(f"fraud{n}.top\n" for n in range(1_000)))
    assert blocklist(tmp_path, "run").returncode == 4
    assert blocklist(tmp_path, "run", "--accept", "huge").returncode == 0, "one command takes it"
    assert "is not among" in blocklist(tmp_path, "run", "--accept", "hueg").stderr
