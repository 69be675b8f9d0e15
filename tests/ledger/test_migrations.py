"""Migrations, tested with an invented step after the last one."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from blocklist.atomic_files import find_leftovers
from blocklist.errors import StorageError
from blocklist.ledger.db import connection, schema
from blocklist.ledger.db.connection import open_read_only, prepare_database
from blocklist.ledger.db.schema import migrations
from blocklist.ledger.db.writer import open_ledger_writer
from tests.support.listings import rows

CURRENT, NEXT = connection.SCHEMA_VERSION, connection.SCHEMA_VERSION + 1


def add_notes(db: Database) -> None:
    db.conn.execute("ALTER TABLE feed ADD COLUMN note TEXT")
    db.conn.execute("UPDATE feed SET note = upper(name)")
    db.conn.execute(f"PRAGMA user_version = {NEXT}")


@pytest.fixture
def old(database: Path) -> Path:
    """Give a database with a feed, before a version with a further step is installed."""
    with open_ledger_writer(database, "test") as writer, writer.transaction() as transaction:
        transaction.execute("INSERT INTO feed (name) VALUES ('mine')")
    return database


@pytest.fixture
def next_step(old: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(migrations, "_migrations", list(migrations._migrations))
    monkeypatch.setattr(connection, "SCHEMA_VERSION", NEXT)
    migrations()(add_notes)
    return monkeypatch


def copy_of(database: Path) -> Path:
    return database.with_name(f"{database.name}.schema-{CURRENT}")


def tables(database: Path) -> list[tuple[object, ...]]:
    return rows(database, "SELECT name, sql FROM sqlite_schema ORDER BY name")


def version(database: Path) -> object:
    return rows(database, "PRAGMA user_version")[0][0]


def test_the_version_is_the_number_of_the_last_step(database: Path) -> None:
    prepare_database(database)
    assert version(database) == connection.SCHEMA_VERSION == len(migrations._migrations)
    assert rows(database, "PRAGMA integrity_check") == [("ok",)]
    assert rows(database, "PRAGMA journal_mode") == [("wal",)]


def test_an_older_database_is_copied_and_then_migrated(old: Path, next_step: object) -> None:
    with open_ledger_writer(old, "test") as writer:
        assert writer.run_id == 2
    assert version(old) == NEXT
    assert rows(old, "SELECT name, note FROM feed") == [("mine", "MINE")]
    copy = copy_of(old)
    assert version(copy) == CURRENT
    assert rows(copy, "SELECT name FROM feed") == [("mine",)]
    assert rows(copy, "SELECT count(*) FROM run") == [(1,)], "as it was before this run"
    assert rows(copy, "PRAGMA integrity_check") == [("ok",)]
    assert not find_leftovers(copy)


def test_a_new_and_a_migrated_database_are_alike(
    old: Path, tmp_path: Path, next_step: object
) -> None:
    for database in (old, tmp_path / "new.db"):
        prepare_database(database)
    assert tables(old) == tables(tmp_path / "new.db")
    assert not copy_of(tmp_path / "new.db").exists()


def test_a_migrated_database_is_not_copied_again(old: Path, next_step: object) -> None:
    prepare_database(old)
    copy_of(old).unlink()
    prepare_database(old)
    assert not copy_of(old).exists()


def test_an_earlier_copy_stays(old: Path, next_step: object) -> None:
    copy_of(old).write_text("of an earlier try")
    prepare_database(old)
    assert copy_of(old).read_text() == "of an earlier try"


def test_a_step_that_fails_leaves_the_old_version(old: Path, next_step: pytest.MonkeyPatch) -> None:
    before = tables(old)

    def break_off(db: Database) -> None:
        add_notes(db)
        db.conn.execute("CREATE nonsense")

    with next_step.context() as broken:
        broken.setattr(migrations._migrations[-1], "fn", break_off)
        with pytest.raises(StorageError, match="cannot be written"):
            prepare_database(old)
    assert (version(old), tables(old)) == (CURRENT, before)
    prepare_database(old)
    assert rows(old, "SELECT name, note FROM feed") == [("mine", "MINE")]


def test_an_older_database_can_be_read_before_its_migration(old: Path, next_step: object) -> None:
    with open_read_only(old) as reader:
        assert reader is not None
        assert reader.execute("SELECT name FROM feed").fetchall() == [("mine",)]
    assert version(old) == CURRENT


def test_a_migrated_database_is_refused_by_the_older_version(
    old: Path, next_step: pytest.MonkeyPatch
) -> None:
    prepare_database(old)
    next_step.undo()
    with pytest.raises(
        StorageError, match=rf"newer version of blocklist \(schema {NEXT}, this version reads"
    ):
        prepare_database(old)
    assert version_of_file(old) == NEXT


def version_of_file(database: Path) -> object:
    with closing(sqlite3.connect(database)) as opened:
        return opened.execute("PRAGMA user_version").fetchone()[0]


def test_an_interrupted_creation_is_finished(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "_VIEWS", (*schema._VIEWS[:1], "CREATE nonsense"))
    with pytest.raises(StorageError, match="cannot be written"):
        prepare_database(database)
    with open_read_only(database) as reader:
        assert reader is None
    monkeypatch.undo()
    with open_ledger_writer(database, "update") as writer:
        assert writer.run_id == 1
