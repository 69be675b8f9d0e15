"""The ledger: intervals of listings, one writer, one library, and databases that are not ours."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocklist.config.feeds import Feed
from blocklist.errors import LockHeld, StorageError
from blocklist.frames.schemas import LISTINGS
from blocklist.ledger.db import schema
from blocklist.ledger.db.bulk import BulkTransaction
from blocklist.ledger.db.connection import (
    SCHEMA_VERSION,
    lock_sqlite_library,
    open_read_only,
    open_read_write,
    prepare_database,
)
from blocklist.ledger.db.lock import hold_writer_lock
from blocklist.ledger.db.writer import open_ledger_writer
from blocklist.ledger.feeds import listings
from blocklist.ledger.operator import entries
from blocklist.model import Entry, FeedState, GuardClass, Indicator, Kind, Scope, Verdict
from tests.support.examples import at_most
from tests.support.ledger import migrated_anew
from tests.support.listings import ACCOUNT, MINE, A, B, C, accept, indicators, rows
from tests.support.users import as_user, open_to_all


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "a ledger #1%20?.db"


OPEN = "SELECT value, since, until FROM listing ORDER BY value, scope, since"


def test_a_listing_lives_from_run_to_run(database: Path) -> None:
    changes = []
    for listed in ([A, C], [A], [A, C], [A, C], []):
        with open_ledger_writer(database, "update") as book:
            change = accept(book, MINE, *listed)
            changes.append((book.run_id, change.added, change.removed))
    assert changes == [(1, 2, 0), (2, 0, 1), (3, 1, 0), (4, 0, 0), (5, 0, 2)]
    assert rows(database, OPEN) == [
        ("a.example", 1, 5),
        ("b.example", 1, 2),
        ("b.example", 3, 5),
    ], "a return opens a new interval, and the old one is kept"


Snapshots = list[dict[str, list[tuple[str, str]]]]
keys = st.sampled_from([A, B, C, ("c.example", "below"), ("xn--4ca.example", "exact")])
snapshots: st.SearchStrategy[Snapshots] = st.lists(
    st.dictionaries(st.sampled_from(["one", "two"]), st.lists(keys, unique=True), max_size=2),
    min_size=1,
    max_size=6,
)


@at_most(25)
@given(runs=snapshots)
def test_intervals_are_those_of_a_plain_model(
    tmp_path_factory: pytest.TempPathFactory, runs: Snapshots
) -> None:
    database = tmp_path_factory.mktemp("ledger") / "x.db"
    history: dict[tuple[str, str, str], list[list[int | None]]] = {}
    for number, run in enumerate(runs, 1):
        with open_ledger_writer(database, "update") as book:
            assert book.run_id == number
            for feed, listed in run.items():
                accept(book, Feed(feed, ("x",), "domains"), *listed)
                for known, intervals in history.items():
                    if known[0] == feed and known[1:] not in listed and intervals[-1][1] is None:
                        intervals[-1][1] = number
                for value, scope in listed:
                    intervals = history.setdefault((feed, value, scope), [])
                    if not intervals or intervals[-1][1] is not None:
                        intervals.append([number, None])
    found: dict[tuple[object, ...], list[list[object]]] = {}
    sql = (
        "SELECT name, value, scope, since, until FROM listing JOIN feed ON id = feed_id "
        "ORDER BY since"
    )
    for name, text, covers, since, until in rows(database, sql):
        assert isinstance(covers, int)
        found.setdefault((name, text, list(Scope)[covers].value), []).append([since, until])
    assert found == history
    in_force = {key for key, intervals in history.items() if intervals[-1][1] is None}
    with BulkTransaction(database) as bulk:
        frame = listings.load_listings(bulk, ["one", "two"])
    assert frame.schema == LISTINGS
    assert set(frame.select("feed", "value", "scope").iter_rows()) == in_force


def test_an_update_is_idempotent(database: Path) -> None:
    with open_ledger_writer(database, "update") as book:
        accept(book, MINE, A, C)
    before = rows(database, "SELECT * FROM listing")
    with open_ledger_writer(database, "update") as book:
        assert accept(book, MINE, A, C) == listings.SnapshotChange(0, 0)
    assert rows(database, "SELECT * FROM listing") == before


def test_feeds_do_not_touch_each_other(database: Path) -> None:
    other = Feed("other", ("x",), "domains")
    with open_ledger_writer(database, "update") as book:
        accept(book, MINE, A)
        accept(book, other, A, C)
    with open_ledger_writer(database, "update") as book:
        assert accept(book, other) == listings.SnapshotChange(0, 2)
    with BulkTransaction(database) as bulk:
        assert listings.load_listings(bulk, ["mine", "other", "strange"])["feed"].to_list() == [
            "mine"
        ]
        assert listings.load_listings(bulk, []).is_empty()


def test_evidence_is_stored_where_it_says_more(database: Path) -> None:
    with open_ledger_writer(database, "update") as book:
        frame = pl.concat([indicators(A), indicators(C, evidence="B.example.")])
        listings.accept_snapshot(book, book.register_feed(MINE), frame, "print", ACCOUNT)
    assert rows(database, "SELECT evidence FROM listing ORDER BY value") == [
        (None,),
        ("B.example.",),
    ]
    assert rows(database, "SELECT evidence FROM listings ORDER BY value") == [
        ("a.example",),
        ("B.example.",),
    ]


def test_the_views_speak_words(database: Path) -> None:
    with open_ledger_writer(database, "update") as book:
        accept(book, MINE, A, B)
    with open_ledger_writer(database, "update") as book:
        accept(book, MINE, B)
        with book.open_database() as db:
            db.table("release").insert(
                {
                    "number": 1, "run_id": 1, "created": "now", "cause": "x",
                    "blocked": 1, "held": 0, "added": 1, "removed": 0,
                }
            )  # fmt: skip
            db.table("verdict_row").insert(
                {
                    "value": "a.example", "scope": 1, "since": 1, "until": None,
                    "kind": 0, "verdict": 1, "reason": 2, "cause": "top.example",
                }
            )  # fmt: skip
    started = [row[0] for row in rows(database, "SELECT started FROM run ORDER BY id")]
    assert rows(database, "SELECT * FROM listings ORDER BY scope") == [
        ("mine", "a.example", "domain", "exact", started[0], started[1], "a.example"),
        ("mine", "a.example", "domain", "subtree", started[0], None, "a.example"),
    ]
    assert rows(database, "SELECT * FROM verdicts") == [
        ("a.example", "domain", "subtree", "hold", "popular", "top.example", 1, None)
    ]


def test_health(database: Path) -> None:
    guard = Feed("top", ("x",), "domains", guard=GuardClass.POPULAR)
    with open_ledger_writer(database, "update") as book:
        new = book.register_feed(guard)
        assert (new.state, new.entries, new.fingerprint) == (FeedState.NEVER, 0, None)
        accept(book, guard, A, C)
        book.record_refusal(book.register_feed(guard), "shrank", ACCOUNT)
        book.record_attempt(book.register_feed(guard), FeedState.REFUSED, "shrank")
        health = book.register_feed(guard)
    assert (health.state, health.cause, health.entries) == (FeedState.REFUSED, "shrank", 2)
    assert health.fingerprint == "print", "of the snapshot in force, not of the refused one"
    sql = "SELECT state, cause, refused, added FROM snapshot ORDER BY id"
    assert rows(database, sql) == [
        ("fresh", None, '{"empty": 1}', 2),
        ("refused", "shrank", '{"empty": 1}', None),
    ]
    assert rows(database, "SELECT guard FROM feed") == [("popular",)]


def test_a_run_is_finished_when_it_ends_well(database: Path) -> None:
    with open_ledger_writer(database, "update"):
        pass
    with pytest.raises(ZeroDivisionError), open_ledger_writer(database, "update"):
        _ = 1 / 0
    assert [bool(row[0]) for row in rows(database, "SELECT finished FROM run")] == [True, False]


def test_a_transaction_that_fails_midway_leaves_the_old_state(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_ledger_writer(database, "update") as book:
        accept(book, MINE, A)
    before = rows(database, "SELECT * FROM listing, feed, snapshot")
    monkeypatch.setattr(listings, "_snapshot_row", lambda *_: pl.DataFrame({"no_such_column": [1]}))
    with (
        open_ledger_writer(database, "update") as book,
        pytest.raises(StorageError, match="no_such_column"),
    ):
        accept(book, MINE, C)
    assert rows(database, "SELECT * FROM listing, feed, snapshot") == before
    monkeypatch.undo()
    with open_ledger_writer(database, "update") as book:
        assert accept(book, MINE, C) == listings.SnapshotChange(1, 1), "and work goes on"


KILLED = """
import os, sys
from pathlib import Path
from blocklist.ledger.feeds import listings
from blocklist.ledger.db.writer import open_ledger_writer
from tests.support.listings import A, C, MINE, accept
database, when = Path(sys.argv[1]), sys.argv[2]
with open_ledger_writer(database, "update") as book:
    accept(book, MINE, A)
with open_ledger_writer(database, "update") as book:
    if when == "midway":
        listings._snapshot_row = lambda *_: os.kill(os.getpid(), 9)
    accept(book, MINE, C)
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
    with open_ledger_writer(database, "update") as book:
        assert book.run_id == 3
    assert rows(database, "PRAGMA integrity_check") == [("ok",)]


def test_columns_that_begin_with_nulls(database: Path) -> None:
    values = [f"{number:05}.example" for number in range(3000)]
    seen = [None] * 2500 + ["X"] * 500
    with open_ledger_writer(database, "update"):
        pass
    frame = pl.DataFrame({"feed_id": 1, "value": values, "evidence": seen, "since": 1})
    with BulkTransaction(database) as bulk:
        bulk.append_rows("listing_row", frame.with_columns(kind=0, scope=0))
        sql = "SELECT value, evidence FROM listing WHERE value >= ? ORDER BY value"
        found = bulk.query_frame(
            sql, "0", schema=pl.Schema({"value": pl.String, "evidence": pl.String})
        )
    assert found.equals(frame.select("value", "evidence"))


def test_no_database_yet(database: Path) -> None:
    with open_read_only(database) as reader:
        assert reader is None
    assert not database.exists()
    database.touch()
    with open_read_only(database) as reader:
        assert reader is None, "an empty file is what a killed first run leaves"
    with open_ledger_writer(database, "update") as book:
        assert book.run_id == 1


def test_a_half_made_database_is_finished(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = (*schema._INITIAL_TABLES[:3], "CREATE nonsense")
    monkeypatch.setattr(schema, "_INITIAL_TABLES", broken)
    with migrated_anew(), pytest.raises(StorageError, match="cannot be written"):
        prepare_database(database)
    with open_read_only(database) as reader:
        assert reader is None
    monkeypatch.undo()
    with open_ledger_writer(database, "update") as book:
        assert book.run_id == 1


def foreign(path: Path) -> None:
    with lock_sqlite_library():
        other = sqlite3.connect(path)
        other.execute("CREATE TABLE theirs (id)")
        other.close()


def newer(path: Path) -> None:
    with open_ledger_writer(path, "update"):
        pass
    with open_read_write(path) as opened:
        opened.execute("PRAGMA user_version = 99")


def not_a_database(path: Path) -> None:
    path.write_text("a.example\n" * 1000)


def cut_off(path: Path) -> None:
    with open_ledger_writer(path, "update"):
        pass
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize(
    ("make", "message", "why"),
    [
        (foreign, "a database of another program; set another `database`", "not ours"),
        (
            newer,
            f"written by a newer version of blocklist (schema 99, this one knows {SCHEMA_VERSION})",
            "newer",
        ),
        (not_a_database, "not a database of this program: file is not a database", "a list"),
        (cut_off, "database disk image is malformed", "damaged"),
        (Path.mkdir, "cannot be opened: it is a folder", "a folder"),
    ],
    ids=["foreign", "newer", "a text", "cut off", "a folder"],
)
def test_a_database_that_is_not_to_be_used(
    database: Path, make: Callable[[Path], None], message: str, why: str
) -> None:
    make(database)
    before = None if database.is_dir() else database.read_bytes()
    for _ in range(2):
        with pytest.raises(StorageError) as raised, open_ledger_writer(database, "update"):
            pass
        assert str(raised.value).startswith(f"{database}: "), why
        assert message in str(raised.value), why
        with pytest.raises(StorageError) as raised, open_read_only(database):
            pass
        assert message in str(raised.value), why
        assert raised.value.exit_code == 2
    assert before is None or database.read_bytes() == before, "and is left as it was"


def test_damage_is_told_wherever_it_shows(database: Path) -> None:
    with open_ledger_writer(database, "update") as book:
        accept(book, MINE, *((f"{number}.example", "exact") for number in range(5000)))
    body = bytearray(database.read_bytes())
    body[8192:] = b"\xff" * (len(body) - 8192)
    database.write_bytes(body)
    with (
        pytest.raises(StorageError, match="malformed"),
        open_read_only(database) as reader,
    ):
        assert reader is not None
        reader.execute("SELECT * FROM listings").fetchall()
    with pytest.raises(StorageError, match="malformed"), BulkTransaction(database) as bulk:
        listings.load_listings(bulk, ["mine"])
    with (
        pytest.raises(StorageError, match="malformed"),
        open_read_write(database) as opened,
    ):
        opened.execute("DELETE FROM listing_row")
    with lock_sqlite_library():
        pass


def test_a_lookup_cannot_write(database: Path) -> None:
    with open_ledger_writer(database, "update"):
        pass
    with pytest.raises(StorageError, match="readonly"), open_read_only(database) as reader:
        assert reader is not None
        reader.execute("DELETE FROM run")


IMPORTS = """
import sys
from pathlib import Path
from blocklist.errors import BlocklistError
from blocklist.ledger.db import connection
from blocklist.ledger.db.writer import open_ledger_writer
from tests.support.listings import A, MINE, accept, rows
"""
READ = """
print(rows(Path(sys.argv[1]), "SELECT value FROM listing"), end="")
"""
WRITE = """
try:
    with open_ledger_writer(Path(sys.argv[1]), "update") as book:
        accept(book, MINE, A)
except BlocklistError as error:
    print(error, end="")
"""


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "shared"
    folder.mkdir()
    with open_ledger_writer(folder / "x.db", "update") as book:
        accept(book, MINE, A)
    (folder / "x.db.lock").unlink()
    open_to_all(folder)
    yield folder / "x.db"
    folder.chmod(0o755)


def test_a_disk_without_room_says_what_to_do(tmp_path: Path) -> None:
    database = tmp_path / "x.db"
    prepare_database(database)
    told = pytest.raises(
        StorageError, match="full; what was complete before stays: is the disk full"
    )
    with told, open_read_write(database) as opened:
        (pages,) = opened.execute("PRAGMA page_count").fetchone()
        opened.execute(f"PRAGMA max_page_count = {pages}")
        opened.execute("CREATE TABLE large AS SELECT zeroblob(9999999)")


def test_a_file_that_can_only_be_read(shared: Path) -> None:
    shared.chmod(0o444)
    message = f"{shared}: cannot be written: attempt to write a readonly database"
    assert as_user(IMPORTS, READ + WRITE, shared) == f"[('a.example',)]{message}"


def test_a_folder_that_can_only_be_read(shared: Path) -> None:
    shared.chmod(0o444)
    shared.parent.chmod(0o555)
    message = f"{shared}.lock: the ledger's lock cannot be written: Permission denied"
    assert as_user(IMPORTS, READ + WRITE, shared) == f"[('a.example',)]{message}"


def test_a_folder_that_cannot_be_read(shared: Path) -> None:
    shared.parent.chmod(0)
    code = "try:\n    with connection.open_read_only(Path(sys.argv[1])): pass\n"
    code += "except BlocklistError as error:\n    print(error, end='')\n"
    message = f"{shared}: cannot be read: Permission denied"
    assert as_user(IMPORTS, code, shared) == message


def test_a_reader_and_a_writer_of_two_processes(database: Path) -> None:
    with open_ledger_writer(database, "update") as book:
        accept(book, MINE, A)
        done = subprocess.run(
            [sys.executable, "-c", IMPORTS + READ, str(database)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout == "[('a.example',)]"
        accept(book, MINE, C)


HOLD = """
import sys
from pathlib import Path
from blocklist.ledger.db.lock import hold_writer_lock
with hold_writer_lock(Path(sys.argv[1]), "update"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_writer_hears_who_is_first(database: Path) -> None:
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
    with open_ledger_writer(database, "run") as book:
        assert book.run_id == 1, "a dead holder holds nothing"


def test_the_lock_is_held_once_within_a_process_too(database: Path) -> None:
    with (
        hold_writer_lock(database, "a"),
        pytest.raises(LockHeld, match=rf"process {os.getpid()} \(a\)"),
    ):
        hold_writer_lock(database, "b").__enter__()
    with hold_writer_lock(database, "c"):
        assert "(c)" in database.with_name(database.name + ".lock").read_text()


def test_a_lock_that_cannot_be_made(database: Path) -> None:
    database.with_name(database.name + ".lock").mkdir()
    with pytest.raises(
        StorageError, match=r"\.lock: the ledger's lock cannot be written: Is a dir"
    ):
        hold_writer_lock(database, "a").__enter__()


def test_only_one_library_at_a_time(database: Path) -> None:
    with open_ledger_writer(database, "update") as book:
        ways: list[Callable[[], AbstractContextManager[object]]] = [
            lambda: open_read_only(database),
            book.open_database,
            lambda: BulkTransaction(database),
        ]
        for first in ways:
            with first():
                for second in ways:
                    with pytest.raises(RuntimeError, match="open already in this process"):
                        second().__enter__()
    with lock_sqlite_library():
        pass


def test_a_bulk_that_cannot_open_gives_its_right_back(tmp_path: Path) -> None:
    nowhere = tmp_path / "no" / "where.db"
    with (
        pytest.raises(StorageError, match=r"where\.db: cannot be read or written"),
        BulkTransaction(nowhere),
    ):
        pass
    with lock_sqlite_library():
        pass


def word(action: Verdict, scope: Scope, reason: str, expires: str | None = None) -> Entry:
    return Entry(Kind.DOMAIN, "a.example", scope, action, reason, "", expires)


def test_the_operators_word(database: Path) -> None:
    name = Indicator(Kind.DOMAIN, "a.example")
    with open_ledger_writer(database, "allow") as book:
        assert not entries.add_entry(book, word(Verdict.BLOCK, Scope.EXACT, "first"))
        assert entries.add_entry(book, word(Verdict.ALLOW, Scope.EXACT, "second"))
        past = "2000-01-01T00:00:00+00:00"
        assert not entries.add_entry(book, word(Verdict.BLOCK, Scope.SUBTREE, "third", past))
        with open_read_only(database) as reader:
            assert reader is not None
            assert [entry.reason for entry in entries.active_entries(reader)] == ["second"]
            at = "1999-01-01T00:00:00+00:00"
            assert [entry.reason for entry in entries.active_entries(reader, at)] == [
                "second",
                "third",
            ]
        assert entries.remove_entries(book, name, Verdict.BLOCK) == 1
        assert entries.remove_entries(book, name, Verdict.ALLOW) == 1
        assert entries.remove_entries(book, name, Verdict.ALLOW) == 0
    assert rows(database, "SELECT count(*) FROM operator") == [(3,)], "history is kept"


def test_a_word_that_cannot_be_entered_ends_no_earlier_one(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_ledger_writer(database, "allow") as book:
        entries.add_entry(book, word(Verdict.ALLOW, Scope.EXACT, "first"))
        monkeypatch.setattr(entries, "current_timestamp", lambda: None)
        with pytest.raises(sqlite3.IntegrityError):
            entries.add_entry(book, word(Verdict.BLOCK, Scope.EXACT, "second"))
    assert rows(database, "SELECT reason FROM operator WHERE removed IS NULL") == [("first",)]


def test_a_copy_of_the_file_is_a_copy_of_the_ledger(database: Path) -> None:
    with open_ledger_writer(database, "update") as book:
        accept(book, MINE, A)
    copied = shutil.copy(database, database.with_name("copy.db"))
    assert rows(Path(copied), "SELECT value FROM listing") == [("a.example",)]


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
def test_another_program_that_writes(
    database: Path, monkeypatch: pytest.MonkeyPatch, seconds: str, waits: bool
) -> None:
    with open_ledger_writer(database, "update") as book:
        accept(book, MINE, A)
    if not waits:
        monkeypatch.setattr("blocklist.ledger.db.bulk.BUSY_TIMEOUT_SECONDS", 0)
    command = [sys.executable, "-c", BUSY, str(database), seconds]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout is not None
    assert other.stdout.readline() == b"busy\n"
    refused = nullcontext() if waits else pytest.raises(StorageError, match="database is locked")
    with refused, BulkTransaction(database) as bulk:
        bulk.execute("DELETE FROM listing_row")
    other.kill()
    other.communicate()
    assert rows(database, "SELECT count(*) FROM listing") == [(0 if waits else 1,)]
