"""Databases as earlier versions of the program left them, and new ones without the wait."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from blocklist.ledger.db import connection
from blocklist.ledger.db.schema import migrations

_migrate = connection._apply_migrations


def prepare_older(database: Path, version: int) -> None:
    """Make a database as the version of the program did whose last migration has this number."""
    with migrated_anew(), pytest.MonkeyPatch.context() as older:
        older.setattr(migrations, "_migrations", migrations._migrations[:version])
        connection.prepare_database(database)


@contextmanager
def migrated_once() -> Iterator[None]:
    """Let new databases be copies of one, for to migrate each takes ten times as long."""
    made = sqlite3.connect(":memory:")
    made.execute(f"PRAGMA application_id = {connection.APPLICATION_ID}")
    _migrate(made)

    def copied(to: sqlite3.Connection) -> None:
        if to.execute("SELECT 1 FROM sqlite_schema").fetchone():
            _migrate(to)
        else:
            made.backup(to)

    with pytest.MonkeyPatch.context() as once:
        once.setattr(connection, "_apply_migrations", copied)
        yield
    made.close()


@contextmanager
def migrated_anew() -> Iterator[None]:
    """Let new databases be migrated, where it is the migrations that are tested."""
    with pytest.MonkeyPatch.context() as anew:
        anew.setattr(connection, "_apply_migrations", _migrate)
        yield
