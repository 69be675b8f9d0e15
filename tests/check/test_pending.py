"""Pending entries: what was decided and is not in the release yet, as `check` shows it."""

from datetime import timedelta
from pathlib import Path

import pytest

from blocklist.api.library import Blocklist
from blocklist.check import answers
from blocklist.ledger.db.connection import open_read_write
from blocklist.model import Scope
from tests.support.cli import Run
from tests.support.worlds import CONFIG, make_world

FEED = "fraud.top\nother.top\na.deep.example.top\n46.9.9.9\nshop.com\nfrawd.net\nfraud.net\n"


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a release and entries, to be copied."""
    folder = make_world(tmp_path_factory.mktemp("ready"), CONFIG).parent
    (folder / "one.txt").write_text(FEED)
    library = Blocklist.open(folder / "blocklist.toml")
    library.allow.add("allowed.fraud.top", scope=Scope.EXACT)
    library.block.add("old.example")
    assert library.run().is_good
    return folder


@pytest.fixture
def library(copied: Path) -> Blocklist:
    """Give the library in a copy, in which some entries are pending."""
    library = Blocklist.open(copied / "blocklist.toml")
    library.allow.add("fraud.top")
    library.block.add("below.example", scope=Scope.BELOW)
    library.block.add("198.51.100.0/24")
    library.block.add("https://page.example/x")
    library.block.remove("old.example")
    return library


PENDING = [
    ("fraud.top", ("allow", "fraud.top", True), "the name itself"),
    ("www.fraud.top", ("allow", "fraud.top", True), "a name below"),
    ("allowed.fraud.top", None, "an entry in force is more specific"),
    ("other.top", None, "another name"),
    ("top", None, "a name above"),
    ("below.example", None, "only what is below it"),
    ("a.below.example", ("block", "below.example", True), "below it"),
    ("198.51.100.7", ("block", "198.51.100.0/24", True), "an address within"),
    ("198.51.0.0/16", None, "a network around"),
    ("https://page.example/x", ("block", "https://page.example/x", True), "the page"),
    ("https://page.example/y", None, "another page"),
    ("https://fraud.top/x", ("allow", "fraud.top", True), "a page on the name"),
    ("https://a.below.example:8443/x", ("block", "below.example", True), "a page on a name below"),
    ("https://below.example/x", None, "a page on the name alone"),
    ("old.example", ("block", "old.example", False), "an entry that has ended"),
    ("www.old.example", ("block", "old.example", False), "and what is below it"),
    ("no name at all", None, "no name"),
]


@pytest.mark.parametrize("together", [False, True])
def test_pending_entries(
    library: Blocklist, together: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if together:
        monkeypatch.setattr(answers, "BATCH_MINIMUM", 1)
    found = library.check([query for query, *_ in PENDING])
    for answer, (query, expected, why) in zip(found, PENDING, strict=True):
        change = answer.pending
        told = change and (change.action.value, change.value, change.begins)
        assert (answer.query, told) == (query, expected), why


def test_nothing_is_pending_after_a_run_or_in_the_past(library: Blocklist) -> None:
    past = library.check("fraud.top", at=1)
    assert past.pending is None
    assert library.run().is_good
    assert [answer.pending for answer in library.check([one for one, *_ in PENDING])] == [
        None
    ] * len(PENDING)


def test_an_entry_that_expired_is_pending(library: Blocklist, copied: Path) -> None:
    library.allow.add("other.top", expires=timedelta(hours=1))
    library.run()
    with open_read_write(copied / "blocklist.db") as writing:
        writing.execute(
            "UPDATE entry SET expires = '2026-01-01T00:00:00Z' WHERE value = 'other.top'"
        )
    change = library.check("other.top").pending
    assert change and (change.value, change.begins) == ("other.top", False)


def test_the_text_of_check(run: Run) -> None:
    run("allow", "add", "fraud.top")
    ended = run("check", "fraud.top")
    assert ended.code == 1, "it is blocked still"
    assert "  you allowed this (fraud.top, subtree); it counts from the next run\n" in ended.out
    (document,) = run("check", "--json", "fraud.top").json["answers"]
    assert document["pending"] == {
        "kind": "domain", "value": "fraud.top", "scope": "subtree", "action": "allow",
        "begins": True,
    }  # fmt: skip
    run("run")
    run("allow", "remove", "fraud.top")
    ended = run("check", "fraud.top")
    assert "your allow entry (fraud.top, subtree) has ended; that counts from" in ended.out
    assert run("check", "--json", "other.top").json["answers"][0]["pending"] is None


SUGGESTIONS = [
    ("fraud.top", "", "it is blocked"),
    ("www.fraud.top", "", "it is blocked, too"),
    ("shop.com", "", "it is held"),
    ("fruad.top", "did you mean fraud.top?", "two characters changed places"),
    ("fraudd.top", "did you mean fraud.top?", "one more"),
    ("frau.top", "did you mean fraud.top?", "one fewer"),
    ("fraut.top", "did you mean fraud.top?", "another"),
    ("fraud.net", "", "it is blocked"),
    ("fraud.org", "did you mean fraud.net or fraud.top?", "another end"),
    ("frau.net", "did you mean fraud.net?", "one fewer"),
    ("deep.example.top", "itself; blocked below it: a.deep.example.top", "below it"),
    ("example.top", "itself; blocked below it: a.deep.example.top", "far below it"),
    ("unlike.example", "nothing blocks unlike.example\n", "nothing is near"),
    ("192.0.2.1", "nothing blocks 192.0.2.1\n", "an address"),
    ("46.9.9.9", "", "an address that is blocked"),
    ("https://unlike.example/x", "nothing blocks unlike.example\n", "a page"),
]


@pytest.mark.parametrize(("name", "text", "why"), SUGGESTIONS)
def test_an_allow_of_what_nothing_blocks(run: Run, name: str, text: str, why: str) -> None:
    ended = run("allow", "add", name)
    assert ended.code == 0, "it is an entry nevertheless"
    assert text in ended.err, why
    assert ("nothing blocks" in ended.err) == bool(text), why


def test_a_block_is_not_looked_up(run: Run) -> None:
    assert "nothing blocks" not in run("block", "add", "unlike.example").err
