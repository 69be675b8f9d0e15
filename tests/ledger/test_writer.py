"""The writer: its lock and its run."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from blocklist.errors import LockHeld, StorageError
from blocklist.ledger.db import connection
from blocklist.ledger.db import writer as writer_module
from blocklist.ledger.db.connection import open_read_only
from blocklist.ledger.db.lock import hold_writer_lock
from blocklist.ledger.db.runs import find_interrupted_run
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import (
    LedgerWriter,
    open_decision_writer,
    open_ledger_writer,
    open_run,
)
from tests.support.listings import rows


def test_a_run_is_marked_finished_only_if_it_succeeds(database: Path) -> None:
    with open_ledger_writer(database, "update"):
        pass
    with pytest.raises(ZeroDivisionError), open_ledger_writer(database, "update"):
        _ = 1 / 0
    assert [bool(row[0]) for row in rows(database, "SELECT finished FROM run")] == [True, False]


HOLD = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from blocklist.ledger.db.lock import hold_writer_lock
with hold_writer_lock(Path(sys.argv[1]), "update"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_error_of_a_second_writer_names_the_first(database: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(LockHeld) as raised, open_ledger_writer(database, "run"):
        pass
    assert re.fullmatch(
        rf"{re.escape(str(database))}: in use by process {holder.pid} \(update\) since "
        r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ; try again when it has ended",
        str(raised.value),
    )
    assert raised.value.exit_code == 5
    assert not database.exists(), "nothing was touched"
    holder.kill()
    holder.communicate()
    with open_ledger_writer(database, "run") as writer:
        assert writer.run_id == 1, "a dead holder holds nothing"


def test_the_lock_also_excludes_writers_of_the_same_process(database: Path) -> None:
    with (
        hold_writer_lock(database, "a"),
        pytest.raises(LockHeld, match=rf"process {os.getpid()} \(a\)"),
    ):
        hold_writer_lock(database, "b").__enter__()
    with hold_writer_lock(database, "c"):
        assert "(c)" in database.with_name(database.name + ".lock").read_text()


def test_a_lock_file_that_cannot_be_created(database: Path) -> None:
    database.with_name(database.name + ".lock").mkdir()
    with pytest.raises(
        StorageError, match=r"\.lock: the lock file cannot be opened by user .*: Is a dir"
    ):
        hold_writer_lock(database, "a").__enter__()


# --- Decisions ----------------------------------------------------------------------------------


def decide(database: Path, feed: str) -> int:
    """Store something in the name of a decision, and return its run."""
    with open_decision_writer(database, "allow add") as writer, writer.transaction() as changing:
        changing.execute("INSERT INTO feed (name) VALUES (?)", feed)
    return writer.run_id


def feeds(database: Path) -> list[object]:
    return [name for (name,) in rows(database, "SELECT name FROM feed ORDER BY name")]


def test_a_decision_is_made_while_a_job_works(database: Path) -> None:
    with open_ledger_writer(database, "run") as job:
        assert decide(database, "a") == job.run_id + 1
        with job.transaction() as changing:
            changing.execute("INSERT INTO feed (name) VALUES ('b')")
    assert feeds(database) == ["a", "b"]
    finished = rows(database, "SELECT finished IS NOT NULL FROM run")
    assert finished == [(1,), (1,)]


def test_a_decision_waits_for_the_transaction_of_a_job(database: Path) -> None:
    with ThreadPoolExecutor(1) as pool, open_ledger_writer(database, "run") as job:
        with job.transaction() as changing:
            changing.execute("INSERT INTO feed (name) VALUES ('b')")
            waiting = pool.submit(decide, database, "a")
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.3)
        assert waiting.result(timeout=30) == 2
    assert feeds(database) == ["a", "b"]


def test_a_decision_that_fails_leaves_nothing(database: Path) -> None:
    decide(database, "kept")
    with pytest.raises(ZeroDivisionError), open_decision_writer(database, "x") as writer:
        with writer.transaction() as changing:
            changing.execute("INSERT INTO feed (name) VALUES ('lost')")
        _ = 1 / 0
    assert feeds(database) == ["kept"]
    assert rows(database, "SELECT count(*) FROM run") == [(1,)]


def test_a_decision_gives_up_at_last(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_ledger_writer(database, "run") as job, job.transaction():
        monkeypatch.setattr(connection, "BUSY_TIMEOUT_SECONDS", 0.1)
        with pytest.raises(StorageError, match="cannot be written: database is locked"):
            decide(database, "a")


def test_first_decisions_at_once_make_one_database(database: Path) -> None:
    names = [f"feed{number}" for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda name: decide(database, name), names))
    assert sorted(runs) == list(range(1, 9))
    assert feeds(database) == names


def test_a_first_decision_waits_while_a_job_makes_the_database(database: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        with hold_writer_lock(database, "run"):
            waiting = pool.submit(decide, database, "a")
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.3)
            assert not database.exists()
        assert waiting.result(timeout=30) == 1


INTERRUPTED = [
    (["run"], None, "all is well"),
    (["-run"], "run", "it did not end"),
    (["-run", "allow add"], "run", "a decision ran after it, and makes up for nothing"),
    (["-run", "run"], None, "the next run makes up for it"),
    (["-update", "run"], None, "a run is also an update"),
    (["-update", "export"], "update", "an export is none"),
    (["-export", "-update", "export"], "update", "only one of two was repeated"),
    (["-export", "-update", "update"], "export", "only one of two was repeated"),
]


@pytest.mark.parametrize(("commands", "expected", "why"), INTERRUPTED)
def test_an_interrupted_run_is_found(
    database: Path, commands: list[str], expected: str | None, why: str
) -> None:
    for command in commands:
        if command.startswith("-"):
            with pytest.raises(ZeroDivisionError), open_ledger_writer(database, command[1:]):
                _ = 1 / 0
        elif " " in command:
            decide(database, "a")
        else:
            with open_ledger_writer(database, command):
                pass
    with open_read_only(database) as reader:
        assert reader
        run = find_interrupted_run(reader)
        assert (run.command if run else None) == expected, why


def test_a_run_without_a_lock(database: Path) -> None:
    with open_ledger_writer(database, "run"), open_run(database, "allow add") as writer:
        assert writer.run_id == 2


@pytest.mark.parametrize(
    ("now", "is_refused"),
    [
        ("1970-01-01T00:00:07Z", True),  # a machine without a battery
        ("1979-12-31T23:59:59Z", True),
        ("2000-01-01T00:00:00Z", True),  # a clock that was reset
        ("2024-12-31T23:59:59Z", True),
        ("2025-01-01T00:00:00Z", False),
        ("2031-05-03T00:00:00Z", False),
    ],
)
@pytest.mark.parametrize("open_writer", [open_ledger_writer, open_decision_writer])
def test_a_clock_before_the_program_stores_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    open_writer: Callable[[Path, str], AbstractContextManager[LedgerWriter]],
    now: str,
    is_refused: bool,
) -> None:
    monkeypatch.setattr(writer_module, "current_timestamp", lambda: now)
    refused = pytest.raises(StorageError, match=f"the clock says {now}, so nothing was stored")
    with refused if is_refused else nullcontext(), open_writer(tmp_path / "x.db", "run"):
        pass
    with read_transaction(tmp_path / "x.db") as transaction:
        (count,) = transaction.execute("SELECT count(*) FROM run").fetchone()
    assert count == (0 if is_refused else 1)
