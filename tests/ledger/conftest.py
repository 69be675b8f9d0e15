"""Fixtures of the ledger's tests."""

from pathlib import Path

import pytest


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Give the path of a database whose name has characters that a URI must escape."""
    return tmp_path / "a ledger #1%20?.db"
