"""A folder with a release and exports, and changes after which a run may have nothing to do."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from blocklist.config.exports import Export
from blocklist.export import update
from blocklist.export.run import run_exports, select_exports
from blocklist.export.stage.prepare import PreparedExport, render_and_verify
from blocklist.ledger.db.connection import open_read_write
from blocklist.ledger.db.writer import open_ledger_writer
from blocklist.model import Verdict
from blocklist.release.inputs_digest import load_build_status
from tests.support.releases import add_name_entry, load_folder, run_build

SETTINGS = """
[policy]
own = ["own.example"]
threshold = 0.3
[feeds.mine]
url = "mine.txt"
format = "domains"
[feeds.other]
url = "other.txt"
format = "domains"
[feeds.off]
url = "off.txt"
format = "domains"
enabled = false
[guards.top]
url = "top.txt"
format = "domains"
mandatory = true
[resolve]
addresses = true
country = "country.mmdb"
[exports.all]
target = "domains"
path = "out/all"
[exports.best]
target = "domains"
path = "out/best"
min_score = 0.4
[exports.living]
target = "hosts"
path = "out/living"
alive = true
"""
LISTS = {"mine": "evil.com\nshop.com\n", "other": "bad.com\n", "off": "off.com\n", "top": "a.org\n"}
Change = Callable[[Path], None]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a release, which no test changes."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "blocklist.toml").write_text(SETTINGS)
    for name, listed in LISTS.items():
        (folder / f"{name}.txt").write_text(listed)
    add_name_entry(folder, "allowed.com", Verdict.ALLOW)
    add_name_entry(folder, "mine.com", Verdict.BLOCK, timedelta(hours=1))
    run_build(folder)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """Give a copy of the folder, in which nothing was exported yet."""
    return Path(shutil.copytree(made, tmp_path / "copy"))


@pytest.fixture(scope="module")
def lived_in(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of the folder with exported files, which tests change."""
    folder = Path(shutil.copytree(made, tmp_path_factory.mktemp("lived-in") / "copy"))
    exported(folder)
    return folder


def needs_no_judging(folder: Path) -> bool:
    """Return whether a build would skip judging."""
    config = load_folder(folder)
    with open_ledger_writer(config.database, "test") as writer:
        return load_build_status(config, writer).is_unchanged


def exported(folder: Path) -> set[str]:
    """Update all exports; return the names of those that were rendered."""
    config, rendered = load_folder(folder), set[str]()

    def one(export: Export, *rest: Any) -> PreparedExport:  # noqa: ANN401
        rendered.add(export.name)
        return render_and_verify(export, *rest)

    with (
        pytest.MonkeyPatch.context() as patch,
        open_ledger_writer(config.database, "test") as writer,
    ):
        patch.setattr(update, "render_and_verify", one)
        outcomes = run_exports(writer, config, select_exports(config, []), lambda _: None)
    assert [outcome.cause for outcome in outcomes] == [None] * len(outcomes)
    return rendered


def lists(name: str, listed: str) -> Change:
    def change(folder: Path) -> None:
        (folder / f"{name}.txt").write_text(listed)
        collect(folder)

    return change


def collect(folder: Path) -> None:
    from blocklist.collect.update import select_feeds, update_feeds

    config = load_folder(folder)
    with open_ledger_writer(config.database, "test") as writer:
        update_feeds(config, writer, select_feeds(config, []), lambda _: None)


def configured(old: str, new: str) -> Change:
    def change(folder: Path) -> None:
        before = (folder / "blocklist.toml").read_text()
        assert old in before
        (folder / "blocklist.toml").write_text(before.replace(old, new, 1))

    return change


def sql(*statements: str) -> Change:
    def change(folder: Path) -> None:
        with open_read_write(folder / "blocklist.db") as opened:
            for statement in statements:
                assert opened.execute(statement).rowcount, statement

    return change
