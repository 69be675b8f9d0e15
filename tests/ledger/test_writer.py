"""The writer: its lock and its run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from blocklist.errors import LockHeld, StorageError
from blocklist.ledger.db.lock import hold_writer_lock
from blocklist.ledger.db.writer import open_ledger_writer
from tests.support.listings import rows


def test_a_run_is_marked_finished_only_if_it_succeeds(database: Path) -> None:
    with open_ledger_writer(database, "update"):
        pass
    with pytest.raises(ZeroDivisionError), open_ledger_writer(database, "update"):
        _ = 1 / 0
    assert [bool(row[0]) for row in rows(database, "SELECT finished FROM run")] == [True, False]


HOLD = """
import sys
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
    assert str(raised.value) == (
        f"{database}: in use by process {holder.pid} (update); try again when it has ended"
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
        StorageError, match=r"\.lock: the ledger's lock cannot be written: Is a dir"
    ):
        hold_writer_lock(database, "a").__enter__()
