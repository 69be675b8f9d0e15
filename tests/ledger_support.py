"""Databases as earlier versions of the program left them."""

from pathlib import Path

import pytest

from blocklist.ledger import connection
from blocklist.ledger.schema import migrations


def prepare_older(database: Path, version: int) -> None:
    """Make a database as the version of the program did whose last migration has this number."""
    with pytest.MonkeyPatch.context() as older:
        older.setattr(migrations, "_migrations", migrations._migrations[:version])
        connection.prepare(database)
