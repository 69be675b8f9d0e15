"""Listings that the release does not have: `check` says that they are listed, and why not more."""

from pathlib import Path

import pytest

from blocklist.api.library import Blocklist
from blocklist.check import answers
from blocklist.model import Verdict
from tests.support.cli import Run
from tests.support.worlds import CONFIG, make_world

FIRST = "fraud.top\nother.top\n46.9.9.9\n"
LATER = FIRST + "new.top\ndeep.new.example\n46.8.8.8\n"
PAGES = "https://fraud.top/\nhttps://pages.com/x\nhttps://pages.top/x\n"

#: Queries, and whether a feed lists them by something that the release does not have.
QUERIES = [
    ("new.top", True, "a listed name"),
    ("NEW.top.", True, "in another spelling"),
    ("deep.new.example", True, "a listed name further down"),
    ("new.example", False, "a name above a listed one"),
    ("46.8.8.8", True, "a listed address"),
    ("46.8.0.0/16", False, "a network around it"),
    ("https://pages.top/x", True, "a listed page"),
    ("https://pages.top/y", False, "another page of its host"),
    ("https://new.top/y", True, "a page on a listed name"),
    ("pages.top", False, "the host of a listed page"),
    ("fraud.top", False, "it is in the release"),
    ("elsewhere.example", False, "no feed lists it"),
]


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a release and listings that are later than it, to be copied."""
    folder = make_world(tmp_path_factory.mktemp("ready"), CONFIG).parent
    (folder / "one.txt").write_text(FIRST)
    library = Blocklist.open(folder / "blocklist.toml")
    assert library.run().is_good
    (folder / "one.txt").write_text(LATER)
    (folder / "two.txt").write_text(PAGES)
    library.update()
    return folder


@pytest.mark.parametrize("together", [False, True])
def test_what_is_listed_and_not_in_the_release(
    copied: Path, together: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if together:
        monkeypatch.setattr(answers, "BATCH_MINIMUM", 1)
    found = Blocklist.open(copied / "blocklist.toml").check([query for query, *_ in QUERIES])
    for answer, (query, is_unreleased, why) in zip(found, QUERIES, strict=True):
        cause = "listed, not in release 1" if is_unreleased else None
        if answer.verdict is Verdict.CLEAR:
            assert answer.cause == cause, (query, why)
        else:
            assert not is_unreleased, (query, why)


def test_the_text_says_what_keeps_it_out(run: Run) -> None:
    assert "new.top: clear (listed, not in release 1)\n" in run("check", "new.top").out
    run("run")
    run("release", "rollback")
    pinned = run("check", "new.top")
    assert "new.top: clear (listed, not in release 3 (pinned))\n" in pinned.out
    assert "unlisted" not in pinned.out
    past = run("check", "--at", "1", "new.top").out
    assert past.startswith("new.top: clear (unlisted)"), "no feed listed it at that time"
    run("release", "unpin")
    run("run")
    assert "new.top: block (listed" in run("check", "new.top").out


def test_the_text_names_the_gate(run: Run, copied: Path) -> None:
    with (copied / "blocklist.toml").open("a") as file:
        file.write("[gate]\nalways = 0\nmax_added = 0.0\n")
    assert run("run").code == 3
    text = run("check", "new.top").out
    assert "listed, not in release 1 (the gate holds the next release)" in text


def test_before_the_first_release(tmp_path: Path) -> None:
    path = make_world(tmp_path, CONFIG)
    (tmp_path / "one.txt").write_text(FIRST)
    library = Blocklist.open(path)
    library.update()
    answer = library.check("fraud.top")
    assert answer.cause == "listed, but there was no release"
