"""Transactions: frames, commit and rollback, Ctrl-C, other programs and threads."""

import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from threading import Barrier

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocklist.errors import StorageError
from blocklist.frames.schemas import KIND, REASON, SCOPE, VERDICT
from blocklist.ledger.db import connection
from blocklist.ledger.db.connection import open_read_only, prepare_database
from blocklist.ledger.db.transaction import read_transaction, write_transaction
from blocklist.ledger.db.writer import open_ledger_writer
from blocklist.ledger.feeds import listings
from blocklist.model import Kind, Reason, Scope, Verdict
from tests.support.examples import at_most
from tests.support.listings import MINE, A, C, accept, rows

SCHEMA = pl.Schema(
    {
        "text": pl.String(),
        "number": pl.Int64(),
        "kind": KIND,
        "scope": SCOPE,
        "verdict": VERDICT,
        "reason": REASON,
    }
)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
words = (st.none() | st.sampled_from([*kind]) for kind in (Kind, Scope, Verdict, Reason))
records = st.lists(
    st.tuples(st.none() | texts, st.none() | st.integers(-(2**63), 2**63 - 1), *words)
)


@pytest.fixture
def prepared(database: Path) -> Path:
    prepare_database(database)
    return database


@at_most(50)
@given(rows=records)
def test_a_frame_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[object, ...]]
) -> None:
    database = tmp_path_factory.mktemp("ledger") / "x.db"
    prepare_database(database)
    frame = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    with read_transaction(database) as transaction:
        for _ in range(2):
            transaction.stage("wanted", frame)
        sql = f"SELECT {', '.join(SCHEMA)} FROM temp.wanted ORDER BY rowid"
        assert transaction.frame(sql, schema=SCHEMA).equals(frame)


def test_columns_that_begin_with_nulls_over_several_blocks(prepared: Path) -> None:
    values = [f"{number:05}.example" for number in range(3000)]
    evidence = [None] * 2500 + ["X"] * 500
    frame = pl.DataFrame({"feed_id": 1, "value": values, "evidence": evidence, "since": 1})
    schema = pl.Schema({"value": pl.String, "evidence": pl.String})
    with write_transaction(prepared) as transaction:
        transaction.append("listing_row", frame.with_columns(kind=0, scope=0))
        sql = "SELECT value, evidence FROM listing WHERE value >= ? ORDER BY value"
        result = transaction.frame(sql, "0", schema=schema)
        nothing = transaction.frame(sql, "9", schema=schema)
    assert result.equals(frame.select("value", "evidence"))
    assert (nothing.height, nothing.schema) == (0, schema)


def test_a_transaction_is_committed_or_rolled_back(prepared: Path) -> None:
    with write_transaction(prepared) as transaction:
        transaction.execute("INSERT INTO feed (name) VALUES (?)", "kept")
    with pytest.raises(ZeroDivisionError), write_transaction(prepared) as transaction:
        transaction.table("feed").insert({"name": "lost"})
        transaction.append("feed", pl.DataFrame({"name": ["lost, too"]}))
        _ = 1 / 0
    assert rows(prepared, "SELECT name FROM feed") == [("kept",)]


def test_a_programming_error_is_raised_unchanged(prepared: Path) -> None:
    with pytest.raises(sqlite3.IntegrityError), write_transaction(prepared) as transaction:
        transaction.execute("INSERT INTO feed (name) VALUES (NULL)")
    with pytest.raises(sqlite3.ProgrammingError), write_transaction(prepared) as transaction:
        transaction.execute("SELECT ?")


def test_a_read_transaction_cannot_write_and_reads_one_state(prepared: Path) -> None:
    with read_transaction(prepared) as reading:
        assert reading.execute("SELECT count(*) FROM feed").fetchone() == (0,)
        with write_transaction(prepared) as writing:
            writing.execute("INSERT INTO feed (name) VALUES ('new')")
        assert reading.execute("SELECT count(*) FROM feed").fetchone() == (0,)
    with pytest.raises(StorageError, match="readonly"), read_transaction(prepared) as reading:
        reading.execute("DELETE FROM feed")
    assert rows(prepared, "SELECT count(*) FROM feed") == [(1,)]


def test_a_failed_transaction_leaves_the_old_state(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_ledger_writer(database, "update") as writer:
        accept(writer, MINE, A)
    before = rows(database, "SELECT * FROM listing, feed, snapshot")
    monkeypatch.setattr(listings, "report_columns", lambda _: {"no_such_column": 1})
    with (
        open_ledger_writer(database, "update") as writer,
        pytest.raises(StorageError, match="no_such_column"),
    ):
        accept(writer, MINE, C)
    assert rows(database, "SELECT * FROM listing, feed, snapshot") == before
    monkeypatch.undo()
    with open_ledger_writer(database, "update") as writer:
        assert accept(writer, MINE, C) == listings.SnapshotChange(1, 1), "and work goes on"


KILLED = """
import os, sys
from pathlib import Path
from blocklist.ledger.feeds import listings
from blocklist.ledger.db.writer import open_ledger_writer
from tests.support.listings import A, C, MINE, accept
database, when = Path(sys.argv[1]), sys.argv[2]
with open_ledger_writer(database, "update") as writer:
    accept(writer, MINE, A)
with open_ledger_writer(database, "update") as writer:
    if when == "midway":
        listings.update_answer = lambda *_: os.kill(os.getpid(), 9)
    accept(writer, MINE, C)
    os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize(
    ("when", "value"), [("midway", "a.example"), ("after the commit", "b.example")]
)
def test_a_killed_writer_leaves_the_last_complete_state(
    database: Path, when: str, value: str
) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(database), when], check=False)
    assert done.returncode == -9
    sql = "SELECT value FROM listing WHERE until IS NULL"
    assert rows(database, sql) == [(value,)]
    with open_ledger_writer(database, "update") as writer:
        assert writer.run_id == 3
    assert rows(database, "PRAGMA integrity_check") == [("ok",)]


ENDLESS = """
import sys
from pathlib import Path
from blocklist.ledger.db.transaction import write_transaction
sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
try:
    with write_transaction(Path(sys.argv[1])) as transaction:
        transaction.execute("INSERT INTO feed (name) VALUES ('lost')")
        print("begun", flush=True)
        transaction.execute(sql)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_ctrl_c_ends_a_long_statement(prepared: Path) -> None:
    command = [sys.executable, "-c", ENDLESS, str(prepared)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "begun\n"
        running.send_signal(signal.SIGINT)
        try:
            assert running.communicate(timeout=60) == ("interrupted\n", "")
        finally:
            running.kill()
    assert rows(prepared, "SELECT count(*) FROM feed") == [(0,)]


BUSY = """
import sqlite3, sys, time
other = sqlite3.connect(sys.argv[1], isolation_level=None)
other.execute("BEGIN IMMEDIATE")
print("busy", flush=True)
time.sleep(float(sys.argv[2]))
other.execute("ROLLBACK")
sys.stdin.read()
"""


@pytest.mark.parametrize(("seconds", "waits"), [("0.3", True), ("60", False)])
def test_a_transaction_waits_for_another_program(
    database: Path, monkeypatch: pytest.MonkeyPatch, seconds: str, waits: bool
) -> None:
    with open_ledger_writer(database, "update") as writer:
        accept(writer, MINE, A)
    if not waits:
        monkeypatch.setattr(connection, "BUSY_TIMEOUT_SECONDS", 0)
    command = [sys.executable, "-c", BUSY, str(database), seconds]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"busy\n"
        refused = (
            nullcontext() if waits else pytest.raises(StorageError, match="database is locked")
        )
        with refused, write_transaction(database) as transaction:
            transaction.execute("DELETE FROM listing_row")
        assert rows(database, "SELECT count(*) FROM listing") == [(0 if waits else 1,)]
        other.kill()


def test_a_missing_database(tmp_path: Path) -> None:
    nowhere = tmp_path / "no" / "where.db"
    for begin in (read_transaction, write_transaction):
        with pytest.raises(StorageError, match=r"where\.db: cannot be opened"), begin(nowhere):
            pass


def test_two_ledgers_open_at_once_in_threads(tmp_path: Path) -> None:
    together = Barrier(2, timeout=60)

    def work(name: str) -> list[tuple[object, ...]]:
        database = tmp_path / f"{name}.db"
        with open_ledger_writer(database, "test") as writer, writer.transaction() as transaction:
            transaction.execute("INSERT INTO feed (name) VALUES (?)", name)
            together.wait()  # both are within their transactions
            with read_transaction(database) as reading:
                assert reading.execute("SELECT name FROM feed").fetchall() == []
            together.wait()
        return rows(database, "SELECT name FROM feed")

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(work, ["one", "two"])) == [[("one",)], [("two",)]]


def test_every_connection_is_closed(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def remember(*arguments: object, **options: object) -> sqlite3.Connection:
        opened.append(connect(*arguments, **options))  # type: ignore[call-overload]
        return opened[-1]

    monkeypatch.setattr(sqlite3, "connect", remember)
    with open_ledger_writer(database, "update") as writer:
        accept(writer, MINE, A)
        with pytest.raises(ZeroDivisionError), writer.transaction():
            _ = 1 / 0
        with pytest.raises(ZeroDivisionError), read_transaction(database):
            _ = 1 / 0
    rows(database, "SELECT * FROM run")
    with connect(database) as other:
        other.execute("PRAGMA user_version = 99")
    other.close()
    for refuse in (lambda: open_read_only(database), lambda: read_transaction(database)):
        with pytest.raises(StorageError, match="newer"), refuse():
            pass
    with pytest.raises(StorageError, match="newer"):
        prepare_database(database)
    assert len(opened) > 8
    for one in opened:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            one.execute("SELECT 1")
