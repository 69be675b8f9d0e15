"""Collecting: a bad download never becomes the list, and one bad feed harms no other."""

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from blocklist.collect.update import UpdateOutcome, select_feeds, update_feeds
from blocklist.config.feeds import Feed
from blocklist.config.loader import Config
from blocklist.config.sections import PolicyConfig
from blocklist.errors import ConfigError, NotFoundError
from blocklist.fetch import local as door
from blocklist.fetch.fetch import fetch_bytes
from blocklist.fetch.types import FetchError, FetchResult
from blocklist.ledger.db.bulk import BulkTransaction
from blocklist.ledger.db.connection import open_read_only
from blocklist.ledger.db.writer import open_ledger_writer
from blocklist.ledger.feeds.listings import load_listings
from blocklist.model import FeedState, GuardClass, Scope
from tests.support.users import as_user, open_to_all

FRESH, UNCHANGED = FeedState.FRESH, FeedState.UNCHANGED
REFUSED, FAILED = FeedState.REFUSED, FeedState.FAILED


class Place:
    """A folder with a feed in it and a ledger."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "list.txt"
        self.feed = Feed("mine", (str(self.file),), "domains", enabled=True)
        self.config = Config(None, folder / "x.db", feeds={"mine": self.feed})

    def update(self, *feeds: Feed) -> list[UpdateOutcome]:
        told: list[UpdateOutcome] = []
        with open_ledger_writer(self.config.database, "update") as book:
            outcomes = update_feeds(self.config, book, list(feeds), told.append)
        assert told == outcomes
        return outcomes

    def collect(self, body: bytes | str | None = None, feed: Feed | None = None) -> UpdateOutcome:
        if body is not None:
            self.file.write_bytes(body if isinstance(body, bytes) else body.encode())
        (outcome,) = self.update(feed or self.feed)
        return outcome

    def in_force(self, feed: str = "mine") -> list[str]:
        with BulkTransaction(self.config.database) as bulk:
            return sorted(load_listings(bulk, [feed])["value"])


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def names(count: int, first: int = 0) -> str:
    return "".join(f"n{number}.example\n" for number in range(first, first + count))


def test_the_first_look(place: Place) -> None:
    outcome = place.collect("# head\na.example\nb.example\nbad!\n")
    assert outcome == UpdateOutcome("mine", FRESH, None, entries=2, added=2, removed=0)
    assert outcome.is_good
    with open_read_only(place.config.database) as reader:
        assert reader is not None
        sql = "SELECT state, cause, bytes, lines, accepted, comments, refused FROM snapshot"
        account = reader.execute(sql).fetchall()
    assert account == [("fresh", None, 32, 4, 2, 1, '{"bad-character": 1}')]


def test_what_is_unchanged_is_seen(place: Place) -> None:
    place.collect("a.example\n")
    assert place.collect() == UpdateOutcome("mine", UNCHANGED, None, entries=1)
    assert place.collect("a.example\nb.example\n").added == 1
    assert place.collect("b.example\n").removed == 1
    assert place.in_force() == ["b.example"]


def age(file: Path, seconds: float = 60) -> None:
    """Let a file have been written to so long ago."""
    written = file.stat().st_mtime - seconds
    os.utime(file, (written, written))


def test_a_file_as_it_was_is_not_read_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.file.write_text("a.example\n")
    age(place.file)
    place.collect()
    bodies: list[bytes | None] = []

    def local(*given: Any, **more: Any) -> FetchResult:  # noqa: ANN401
        bodies.append((found := read(*given, **more)).body)
        return found

    read = door.read_local_file
    monkeypatch.setattr(door, "read_local_file", local)
    assert place.collect() == UpdateOutcome("mine", UNCHANGED, None, entries=1)
    same_length = place.file.with_name("other.txt")
    same_length.write_text("b.example\n")
    shutil.copystat(place.file, same_length)
    same_length.replace(place.file)
    assert place.collect().added == 1, "same name, length and time, and another file"
    assert bodies == [None, b"b.example\n"]


@pytest.mark.parametrize(
    ("seconds", "same", "why"),
    [(60, True, "it rests"), (0, False, "it may be written to twice"), (-60, False, "clocks")],
)
def test_what_tells_a_file_from_itself(
    tmp_path: Path, seconds: float, same: bool, why: str
) -> None:
    file = tmp_path / "list.txt"
    file.write_text("a.example\n")
    age(file, seconds)
    first = door.read_local_file(str(file))
    again = door.read_local_file(str(file), validators=first.validators)
    assert (again.body is None) == same, why
    elsewhere = replace(first.validators, source="another")
    assert door.read_local_file(str(file), validators=elsewhere).body == b"a.example\n", (
        "another URL"
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"scope": Scope.SUBTREE}, "another scope"),
        ({"format": "wildcard"}, "another format"),
        ({"rank_limit": 1}, "another limit"),
        ({"format": "csv", "column": 1}, "another column"),
    ],
)
def test_the_same_bytes_read_otherwise_are_parsed_anew(
    place: Place, changes: dict[str, object], why: str
) -> None:
    place.collect("a.example\nb.example\n")
    otherwise = replace(place.feed, **changes)  # type: ignore[arg-type]
    assert place.collect(feed=otherwise).state == FRESH, why
    assert place.collect(feed=otherwise).state == UNCHANGED
    assert place.collect().state == FRESH, "and back"


GOOD = names(2000)


@pytest.mark.parametrize(
    ("body", "state", "cause", "why"),
    [
        (b"", REFUSED, "empty: 0 bytes of content", "nothing"),
        (b"\n \r\n", REFUSED, "empty: 0 bytes of content", "white space"),
        ("# gone\n" * 3, REFUSED, "lists nothing: 3 lines, all empty or comments", "a notice"),
        ("<!DOCTYPE html>\n<p>Log in", REFUSED, "a web page, not a list", "a login page"),
        ("\ufeff\r\n <HTML>", REFUSED, "a web page, not a list", "with a byte order mark"),
        ("<?xml version='1.0'?>", REFUSED, "a web page, not a list", "an error of a storage"),
        (
            "<p>Log in</p>\nhere.example\nplease!\n",
            REFUSED,
            "only 33% of 3 lines read as domains (most often: bad-character, 1)",
            "half a page",
        ),
        (
            b"\x7fELF\x00\xff\n" * 9,
            REFUSED,
            "only 0% of 9 lines read as domains (most often: bad-character, 9)",
            "a program",
        ),
        (
            names(999),
            REFUSED,
            "shrank from 2,000 to 999 entries, to less than 50% "
            "(if that is right: blocklist run --accept mine; or set feeds.mine.max_shrink)",
            "shrunken",
        ),
        (names(1000), FRESH, None, "half is allowed"),
        (
            names(20_001),
            REFUSED,
            "grew from 2,000 to 20,001 entries, more than 10 times "
            "(if that is right: blocklist run --accept mine; or set feeds.mine.max_growth)",
            "grown",
        ),
        (names(20_000), FRESH, None, "ten times is allowed"),
    ],
)
def test_a_snapshot_is_accepted_or_refused(
    place: Place, body: bytes | str, state: FeedState, cause: str | None, why: str
) -> None:
    place.collect(GOOD)
    before = place.in_force()
    outcome = place.collect(body)
    assert (outcome.state, outcome.cause) == (state, cause), why
    if state is REFUSED:
        assert outcome == UpdateOutcome(
            "mine", state, cause, entries=2000, note="last good just now"
        )
        assert not outcome.is_good
        assert place.in_force() == before, "what was good stays in force"
        assert place.collect().state == REFUSED, "also the second time"
        assert place.collect(GOOD).state == UNCHANGED, "and nothing is left of it"


def test_a_list_that_is_html_from_the_start(place: Place) -> None:
    assert place.collect("<html>").state == REFUSED
    assert place.in_force() == []
    assert place.collect("a.example\n").state == FRESH


def test_a_feed_has_its_own_limits(place: Place) -> None:
    guard = Feed("top", (str(place.file),), "domains", guard=GuardClass.POPULAR, max_shrink=0.0)
    place.collect(names(2000), guard)
    outcome = place.collect(names(1999), guard)
    assert outcome.cause is not None
    assert "to less than 100% (if that is right: blocklist run --accept top; or" in outcome.cause
    assert place.collect(feed=replace(guard, max_shrink=0.1)).state == FRESH
    assert place.collect(names(4000), replace(guard, max_growth=2.0)).state == REFUSED
    assert place.collect(names(4000), replace(guard, max_growth=3.0)).state == FRESH


def test_the_policy_sets_the_limits_of_all(place: Place) -> None:
    place.collect(names(2000))
    place.config = replace(place.config, policy=PolicyConfig(max_shrink=0.9))
    assert place.collect(names(300)).state == FRESH


def test_a_small_list_may_grow_as_it_likes(place: Place) -> None:
    place.collect(names(1))
    assert place.collect(names(1000)).state == FRESH


def test_a_top_list_cut_at_its_rank_is_no_bad_list(place: Place) -> None:
    top = replace(place.feed, format="csv", column=2, rank_limit=10)
    body = "".join(f"{rank},n{rank}.example\n" for rank in range(1000))
    assert place.collect(body, top) == UpdateOutcome("mine", FRESH, None, entries=10, added=10)


def test_one_bad_feed_does_not_harm_others(place: Place) -> None:
    (place.folder / "good.txt").write_text("good.example\n")
    place.collect("a.example\n")
    place.file.unlink()
    missing = replace(place.feed, name="missing", urls=("/no/such/file",))
    good = replace(place.feed, name="good", urls=(str(place.folder / "good.txt"),))
    outcomes = place.update(missing, place.feed, good)
    assert [outcome.state for outcome in outcomes] == [FAILED, FAILED, FRESH]
    assert outcomes[0].cause == "/no/such/file: no such file"
    assert outcomes[1].entries == 1
    assert place.in_force("mine") == ["a.example"]
    assert place.in_force("good") == ["good.example"]


def test_failures_and_refusals_are_remembered(place: Place) -> None:
    place.collect("a.example\n")
    place.file.unlink()
    place.collect()
    with open_ledger_writer(place.config.database, "update") as book:
        health = book.register_feed(place.feed)
    assert (health.state, health.entries) == (FAILED, 1)
    assert health.cause == f"{place.file}: no such file"
    assert place.collect("a.example\n").state == UNCHANGED
    with open_ledger_writer(place.config.database, "update") as book:
        assert book.register_feed(place.feed).cause is None


def test_mirrors_in_order(place: Place) -> None:
    place.file.write_text("a.example\n")
    assert fetch_bytes(("/no/such/file", str(place.file), "/not/asked")) == b"a.example\n"
    with pytest.raises(FetchError, match=r"^/no/such: no such file; .*: is a folder, not a list$"):
        fetch_bytes(("/no/such", str(place.folder)))


def test_urls_of_files(place: Place) -> None:
    odd = place.folder / "a list #1 100%.txt"
    odd.write_bytes(b"x")
    for url in (odd.as_uri(), odd.as_uri().replace("file://", "FILE://LocalHost"), str(odd)):
        assert fetch_bytes((url,)) == b"x"


@pytest.mark.parametrize(
    ("url", "message", "why"),
    [
        ("/no/such", "/no/such: no such file", "missing"),
        ("file:///no/such%20one", "/no/such one: no such file", "a missing URL"),
        ("/", "/: is a folder, not a list", "a folder"),
        ("/dev/null/x", "/dev/null/x: cannot be read: Not a directory", "below a file"),
        ("/" + "x" * 300, "cannot be read: File name too long", "a name beyond measure"),
        ("/a\0b", "'/a\\x00b': no path can have a NUL in it", "NUL"),
        ("file://server/x", "file:// reads this machine only; write file:///path", "another host"),
        (
            "ftp://u:p@a.example/x",
            "ftp://a.example/x: ftp:// cannot be fetched; expected",
            "not so",
        ),
        ("http://[/x", "not a URL that can be fetched", "no URL at all"),
    ],
)
def test_what_cannot_be_fetched(url: str, message: str, why: str) -> None:
    with pytest.raises(FetchError) as raised:
        fetch_bytes((url,))
    assert message in str(raised.value), why


def test_a_list_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("blocklist.fetch.fetch.MAX_LIST_BYTES", 1000)
    with pytest.raises(FetchError, match=r"^/dev/zero: more than 1,000 bytes, which no list has$"):
        fetch_bytes(("/dev/zero",))


def test_a_file_that_may_not_be_read(place: Place) -> None:
    place.file.write_text("a.example\n")
    open_to_all(place.folder)
    imports = (
        "import sys\nfrom blocklist.fetch.fetch import fetch_bytes\n"
        "from blocklist.fetch.types import FetchError"
    )
    code = "try: fetch_bytes((sys.argv[1],))\nexcept FetchError as error: print(error, end='')"
    expected = f"{place.file}: cannot be read: Permission denied"
    place.file.chmod(0)
    assert as_user(imports, code, place.file) == expected
    place.folder.chmod(0)
    assert as_user(imports, code, place.file) == expected, "nor in such a folder"
    place.folder.chmod(0o755)


def test_which_feeds_are_chosen(place: Place) -> None:
    guard = Feed("top", ("x",), "domains", enabled=True, guard=GuardClass.POPULAR)
    off = replace(place.feed, name="off", enabled=False)
    config = replace(place.config, feeds={"mine": place.feed, "off": off}, guards={"top": guard})
    assert select_feeds(config, []) == [guard, place.feed], "guards first, and what is enabled"
    assert select_feeds(config, ["off"]) == [off], "whoever names a feed means it"
    assert select_feeds(config, ["off", "mine", "off"]) == [off, place.feed], "once each"
    assert select_feeds(config, iter(["mine"])) == [place.feed]
    with pytest.raises(NotFoundError, match=r"^mien: no such feed; did you mean 'mine'\?$"):
        select_feeds(config, ["mine", "mien"])


@pytest.mark.parametrize(
    ("feed", "message"),
    [
        (Feed("mine", ("x",), "host"), "feeds.mine.format: unknown format 'host'; did you mean"),
        (
            Feed("top", ("x",), "host", guard=GuardClass.POPULAR),
            "guards.top.format: unknown format 'host'; did you mean 'hosts'?",
        ),
    ],
)
def test_an_unknown_format(place: Place, feed: Feed, message: str) -> None:
    config = replace(place.config, feeds={feed.name: feed})
    with pytest.raises(ConfigError) as raised:
        select_feeds(config, [feed.name])
    assert message in str(raised.value)
