"""Connections: databases that are refused, damaged, full or read-only."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from blocklist.errors import StorageError
from blocklist.ledger.db.connection import (
    SCHEMA_VERSION,
    open_read_only,
    open_read_write,
    prepare_database,
)
from blocklist.ledger.db.transaction import read_transaction, write_transaction
from blocklist.ledger.db.writer import open_ledger_writer
from blocklist.ledger.feeds import listings
from tests.support.listings import MINE, A, C, accept, rows
from tests.support.users import as_user, open_to_all


def test_no_database_yet(database: Path) -> None:
    with open_read_only(database) as reader:
        assert reader is None
    assert not database.exists()
    database.touch()
    with open_read_only(database) as reader:
        assert reader is None, "an empty file is what a killed first run leaves"
    with open_ledger_writer(database, "update") as writer:
        assert writer.run_id == 1


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (id)")


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
            "written by a newer version of blocklist (schema 99, this version reads up to "
            f"{SCHEMA_VERSION})",
            "newer",
        ),
        (not_a_database, "damaged, or not a database (SQLite: file is not a database", "a list"),
        (cut_off, "database disk image is malformed", "damaged"),
        (Path.mkdir, "cannot be opened: it is a folder", "a folder"),
    ],
    ids=["foreign", "newer", "a text", "cut off", "a folder"],
)
def test_refused_databases(
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


def test_damage_is_reported_by_every_kind_of_access(database: Path) -> None:
    with open_ledger_writer(database, "update") as writer:
        accept(writer, MINE, *((f"{number}.example", "exact") for number in range(5000)))
    body = bytearray(database.read_bytes())
    body[8192:] = b"\xff" * (len(body) - 8192)
    database.write_bytes(body)
    with (
        pytest.raises(StorageError, match="malformed"),
        open_read_only(database) as reader,
    ):
        assert reader is not None
        reader.execute("SELECT * FROM listings").fetchall()
    with pytest.raises(StorageError, match="malformed"), read_transaction(database) as transaction:
        listings.load_listings(transaction, ["mine"])
    with pytest.raises(StorageError, match="malformed"), write_transaction(database) as transaction:
        transaction.execute("DELETE FROM listing_row")


def test_a_read_only_connection_cannot_write(database: Path) -> None:
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
    with open_ledger_writer(Path(sys.argv[1]), "update") as writer:
        accept(writer, MINE, A)
except BlocklistError as error:
    print(error, end="")
"""


@pytest.fixture
def shared(public_path: Path) -> Iterator[Path]:
    folder = public_path / "shared"
    folder.mkdir()
    with open_ledger_writer(folder / "x.db", "update") as writer:
        accept(writer, MINE, A)
    (folder / "x.db.lock").unlink()
    open_to_all(folder)
    yield folder / "x.db"
    folder.chmod(0o755)


def test_the_error_of_a_full_disk_has_a_remedy(tmp_path: Path) -> None:
    database = tmp_path / "x.db"
    prepare_database(database)
    told = pytest.raises(
        StorageError, match=r"full; completed steps are kept. Free space on the disk"
    )
    with told, open_read_write(database) as opened:
        (pages,) = opened.execute("PRAGMA page_count").fetchone()
        opened.execute(f"PRAGMA max_page_count = {pages}")
        opened.execute("CREATE TABLE large AS SELECT zeroblob(9999999)")


def test_a_read_only_file(shared: Path) -> None:
    shared.chmod(0o444)
    message = (
        f"{shared}: cannot be written: attempt to write a readonly database; let this user "
        "write to the file and to its folder"
    )
    assert as_user(IMPORTS, READ + WRITE, shared) == f"[('a.example',)]{message}"


def test_a_read_only_folder(shared: Path) -> None:
    shared.chmod(0o444)
    shared.parent.chmod(0o555)
    message = (
        f"{shared}.lock: the lock file cannot be opened by user nobody: Permission denied; run "
        "this as the user who owns the database"
    )
    assert as_user(IMPORTS, READ + WRITE, shared) == f"[('a.example',)]{message}"


def test_an_unreadable_folder(shared: Path) -> None:
    shared.parent.chmod(0)
    code = "try:\n    with connection.open_read_only(Path(sys.argv[1])): pass\n"
    code += "except BlocklistError as error:\n    print(error, end='')\n"
    message = f"{shared}: cannot be read: Permission denied"
    assert as_user(IMPORTS, code, shared) == message


def test_a_reader_and_a_writer_of_two_processes(database: Path) -> None:
    with open_ledger_writer(database, "update") as writer:
        accept(writer, MINE, A)
        done = subprocess.run(
            [sys.executable, "-c", IMPORTS + READ, str(database)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout == "[('a.example',)]"
        accept(writer, MINE, C)


def test_a_copy_of_the_file_is_a_copy_of_the_ledger(database: Path) -> None:
    with open_ledger_writer(database, "update") as writer:
        accept(writer, MINE, A)
    copied = shutil.copy(database, database.with_name("copy.db"))
    assert rows(Path(copied), "SELECT value FROM listing") == [("a.example",)]
