"""Untouched exports: a decision about names leaves the files without names as they are."""

from collections.abc import Callable
from pathlib import Path

import pytest

from blocklist.api.library import Blocklist
from blocklist.export.incremental import untouched
from blocklist.export.render.state import ExportOutcome
from blocklist.ledger.db.connection import open_read_write
from tests.support.worlds import CONFIG, make_world

EXPORTS = """
[exports.networks]
target = "cidr"
path = "out/networks"
[exports.filtered]
target = "cidr"
path = "out/filtered"
min_score = 0.1
[exports.pages]
target = "squid"
path = "out/pages"
"""
Decision = Callable[[Blocklist], object]
DECISIONS: list[tuple[str, Decision, set[str]]] = [
    ("an allow of a name", lambda b: b.allow.add("fraud.top", now=True), {"names"}),
    ("a block of a name", lambda b: b.block.add("mine.top", now=True), {"names"}),
    ("an address", lambda b: b.block.add("192.0.2.1", now=True), {"networks", "filtered"}),
    ("an allow of an address", lambda b: b.allow.add("46.9.9.9", now=True),
     {"networks", "filtered"}),
    ("a network that is not listed", lambda b: b.allow.add("192.0.2.0/24", now=True), set()),
    ("a page", lambda b: b.block.add("https://pages.com/y", now=True), set()),
]  # fmt: skip


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a first release, to be copied."""
    folder = make_world(tmp_path_factory.mktemp("ready")).parent
    (folder / "blocklist.toml").write_text(CONFIG + EXPORTS)
    assert Blocklist.open(folder / "blocklist.toml").run().is_good
    return folder


@pytest.fixture
def library(copied: Path) -> Blocklist:
    """Give the library in a copy, whose files are those of release 1."""
    library = Blocklist.open(copied / "blocklist.toml")
    library.export()
    return library


@pytest.mark.parametrize(("why", "decide", "written"), DECISIONS)
def test_files_and_counts_are_those_of_rendering(
    library: Blocklist, copied: Path, why: str, decide: Decision, written: set[str]
) -> None:
    decide(library)
    files = {path.name: path.read_bytes() for path in (copied / "out").iterdir()}
    quick = {outcome.name: outcome for outcome in library.export()}
    assert {name for name, outcome in quick.items() if changed(outcome)} == set()
    with open_read_write(copied / "blocklist.db") as writing:
        states = writing.execute("SELECT name, release FROM export").fetchall()
        writing.execute("UPDATE export SET inputs_digest = ''")  # so that all is rendered
    assert {name for name, release in states if release == 2} - {"pages"} == written, why
    for outcome in library.export():
        assert outcome == quick[outcome.name], why
    assert {path.name: path.read_bytes() for path in (copied / "out").iterdir()} == files


def changed(outcome: ExportOutcome) -> bool:
    assert outcome.result, outcome.cause
    return outcome.result.changed


def test_what_is_untouched_is_not_rendered(
    library: Blocklist, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[set[str]] = []
    find = untouched.find_untouched_exports

    def note(*arguments: object) -> object:
        prepared = find(*arguments)  # type: ignore[arg-type]
        found.append(set(prepared))
        return prepared

    monkeypatch.setattr(untouched, "find_untouched_exports", note)
    library.allow.add("fraud.top", now=True)
    assert found[-1] == {"networks"}
    library.block.add("192.0.2.1", now=True)
    assert found[-1] >= {"names"}
    (copied / "one.txt").write_text("later.top\n")
    library.run()
    assert found[-1] == set(), "listings changed, and with them perhaps more"
    (copied / "out/networks").write_text("changed by hand\n")
    library.allow.remove("fraud.top", now=True)
    assert found[-1] == set()
