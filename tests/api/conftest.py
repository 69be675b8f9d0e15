"""Fixtures of the tests of the library: an installation in which the main job has run."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from blocklist import Blocklist
from tests.support.cli import SOMEBODY
from tests.support.http_feeds import http_feeds, tls_contexts
from tests.support.worlds import make_world

__all__ = ["http_feeds", "tls_contexts"]


@pytest.fixture(autouse=True)
def _somebody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    for name, value in SOMEBODY.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder in which the main job has run, to be copied."""
    folder = tmp_path_factory.mktemp("library")
    report = Blocklist.open(make_world(folder)).run()
    assert report.is_good
    return folder


@pytest.fixture
def library(copied: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[Blocklist]:
    """Give the library object of such a copy, and check that nothing was printed."""
    yield Blocklist.open(copied / "blocklist.toml")
    assert capfd.readouterr() == ("", "")
