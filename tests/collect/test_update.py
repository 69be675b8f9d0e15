"""Updates: a bad download never becomes the list, and one bad feed does not affect others."""

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from blocklist.collect.outcome import UpdateOutcome
from blocklist.collect.update import lift_size_limits, select_feeds
from blocklist.config.feeds import Feed
from blocklist.config.sections import PolicyConfig
from blocklist.errors import NotFoundError
from blocklist.fetch import local
from blocklist.fetch.fetch import fetch_bytes
from blocklist.fetch.types import FetchError, FetchResult
from blocklist.ledger.db.connection import open_read_only
from blocklist.ledger.db.writer import open_ledger_writer
from blocklist.ledger.feeds.records import register_feed
from blocklist.model import FeedState, GuardClass, Scope
from blocklist.parse.options import ParseOptions
from tests.support.cli import blocklist
from tests.support.feed_folder import FeedFolder, many_names
from tests.support.users import as_user

FRESH, UNCHANGED = FeedState.FRESH, FeedState.UNCHANGED
REFUSED, FAILED = FeedState.REFUSED, FeedState.FAILED


@pytest.fixture
def folder(tmp_path: Path) -> FeedFolder:
    return FeedFolder(tmp_path)


def test_the_first_look(folder: FeedFolder) -> None:
    outcome = folder.collect("# head\na.example\nb.example\nbad!\n")
    assert outcome == UpdateOutcome("mine", FRESH, None, entries=2, added=2, removed=0)
    assert outcome.is_good
    with open_read_only(folder.config.database) as reader:
        assert reader is not None
        sql = "SELECT state, cause, bytes, lines, accepted, comments, refused FROM snapshot"
        account = reader.execute(sql).fetchall()
    assert account == [("fresh", None, 32, 4, 2, 1, '{"bad-character": 1}')]


def test_what_is_unchanged_is_seen(folder: FeedFolder) -> None:
    folder.collect("a.example\n")
    assert folder.collect() == UpdateOutcome("mine", UNCHANGED, None, entries=1)
    assert folder.collect("a.example\nb.example\n").added == 1
    assert folder.collect("b.example\n").removed == 1
    assert folder.in_force() == ["b.example"]


def age(file: Path, seconds: float = 60) -> None:
    """Set a file's time of modification so many seconds back."""
    written = file.stat().st_mtime - seconds
    os.utime(file, (written, written))


def test_a_file_as_it_was_is_not_read_again(
    folder: FeedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.file.write_text("a.example\n")
    age(folder.file)
    folder.collect()
    bodies: list[bytes | None] = []

    def record_body(*args: Any, **options: Any) -> FetchResult:  # noqa: ANN401
        bodies.append((result := read(*args, **options)).body)
        return result

    read = local.read_local_file
    monkeypatch.setattr(local, "read_local_file", record_body)
    assert folder.collect() == UpdateOutcome("mine", UNCHANGED, None, entries=1)
    same_length = folder.file.with_name("other.txt")
    same_length.write_text("b.example\n")
    shutil.copystat(folder.file, same_length)
    same_length.replace(folder.file)
    assert folder.collect().added == 1, "same name, length and time, and another file"
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
    first = local.read_local_file(str(file))
    again = local.read_local_file(str(file), validators=first.validators)
    assert (again.body is None) == same, why
    elsewhere = replace(first.validators, source="another")
    assert local.read_local_file(str(file), validators=elsewhere).body == b"a.example\n", (
        "another URL"
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"parse_options": ParseOptions(scope=Scope.SUBTREE)}, "another scope"),
        ({"format": "wildcard"}, "another format"),
        ({"parse_options": ParseOptions(rank_limit=1)}, "another limit"),
        ({"format": "csv", "parse_options": ParseOptions(column=1)}, "another column"),
    ],
)
def test_the_same_bytes_read_otherwise_are_parsed_anew(
    folder: FeedFolder, changes: dict[str, object], why: str
) -> None:
    folder.collect("a.example\nb.example\n")
    otherwise = replace(folder.feed, **changes)  # type: ignore[arg-type]
    assert folder.collect(feed=otherwise).state == FRESH, why
    assert folder.collect(feed=otherwise).state == UNCHANGED
    assert folder.collect().state == FRESH, "and back"


CHANGED_FORMATS = [
    ("hosts", "a.example\nb.example\n", "domains", "the address column is gone"),
    ("domains", "||a.example^\n||b.example^\n", "adblock", "the maintainer moved to rules"),
    ("adblock", "local=/a.example/\nlocal=/b.example/\n", "dnsmasq", "dnsmasq"),
    ("ips", "https://a.example/x\nhttps://b.example/y\n", "urls", "addresses became links"),
    ("dnsmasq", "45.9.1.0/24\n45.9.3.7\n", "ips", "rules became addresses"),
    ("json", "a.example\nb.example\n", "domains", "a document became lines"),
    ("hosts", '["a.example", "b.example"]', None, "a document is no list of lines"),
    ("hosts", "please!\nlog in!\nnow!\n", None, "no format reads it"),
]


@pytest.mark.parametrize(("before", "body", "after", "why"), CHANGED_FORMATS)
def test_a_list_in_another_format_is_refused_with_the_setting_for_it(
    folder: FeedFolder, before: str, body: str, after: str | None, why: str
) -> None:
    outcome = folder.collect(body, replace(folder.feed, format=before))
    assert outcome.state is REFUSED, why
    hint = f'; it looks like {after}: set feeds.mine.format = "{after}" if that is correct'
    assert outcome.cause
    assert outcome.cause.endswith(hint) if after else "looks like" not in outcome.cause, why


GOOD = many_names(2000)
IF_EMPTY = "(if this is correct: blocklist run --accept mine; or set feeds.mine.can_be_empty)"


@pytest.mark.parametrize(
    ("body", "state", "cause", "why"),
    [
        (b"", REFUSED, f"empty: 0 bytes of content {IF_EMPTY}", "nothing"),
        (b"\n \r\n", REFUSED, f"empty: 0 bytes of content {IF_EMPTY}", "white space"),
        (
            "# gone\n" * 3,
            REFUSED,
            f"lists nothing: 3 lines, all empty or comments {IF_EMPTY}",
            "a notice",
        ),
        ("<!DOCTYPE html>\n<p>Log in", REFUSED, "a web page, not a list", "a login page"),
        ("\ufeff\r\n <HTML>", REFUSED, "a web page, not a list", "with a byte order mark"),
        ("<?xml version='1.0'?>", REFUSED, "a web page, not a list", "an error of a storage"),
        (
            "<p>Log in</p>\nhere.example\nplease!\n",
            REFUSED,
            "only 33% of 3 lines can be read as domains (most often: bad-character, 1)",
            "half a page",
        ),
        (
            b"\x7fELF\x00\xff\n" * 9,
            REFUSED,
            "only 0% of 9 lines can be read as domains (most often: bad-character, 9)",
            "a program",
        ),
        (
            many_names(999),
            REFUSED,
            "shrank from 2,000 to 999 entries, to less than 50% "
            "(if this is correct: blocklist run --accept mine; or set feeds.mine.max_shrink)",
            "shrunken",
        ),
        (many_names(1000), FRESH, None, "half is allowed"),
        (
            many_names(20_001),
            REFUSED,
            "grew from 2,000 to 20,001 entries, more than 10 times "
            "(if this is correct: blocklist run --accept mine; or set feeds.mine.max_growth)",
            "grown",
        ),
        (many_names(20_000), FRESH, None, "ten times is allowed"),
    ],
)
def test_a_snapshot_is_accepted_or_refused(
    folder: FeedFolder, body: bytes | str, state: FeedState, cause: str | None, why: str
) -> None:
    folder.collect(GOOD)
    before = folder.in_force()
    outcome = folder.collect(body)
    assert (outcome.state, outcome.cause) == (state, cause), why
    if state is REFUSED:
        assert outcome == UpdateOutcome(
            "mine", state, cause, entries=2000, note="last good just now"
        )
        assert not outcome.is_good
        assert folder.in_force() == before, "what was good stays in force"
        assert folder.collect().state == REFUSED, "also the second time"
        assert folder.collect(GOOD).state == UNCHANGED, "and nothing is left of it"


@pytest.mark.parametrize(
    ("name", "body", "accepted", "why"),
    [
        ("domains", "# nothing at the moment\n# END 0 entries\n", True, "comments"),
        ("domains", "", True, "a list without a head"),
        ("domains", "\n\n", True, "empty lines"),
        ("json", "[]", True, "an empty array"),
        ("stix", '{"type": "bundle", "objects": []}', True, "an empty bundle"),
        ("misp", '{"Event": {}}', True, "an event without attributes"),
        (
            "misp",
            '{"Event": {"Attribute": [{"type": "domain", "value": "a.top", "deleted": true}]}}',
            True,
            "an event of which all is deleted",
        ),
        ("adblock", "@@||a.example^\n", True, "exceptions only"),
        ("rpz", "$TTL 60\n@ IN SOA a. b. 1 2 3 4 5\n  IN NS a.\n", True, "a zone's frame"),
        ("domains", "<html><p>Log in", False, "a web page"),
        ("domains", '{"error": "rate limit"}', False, "an error document"),
        ("json", '{"error": "rate limit"}', False, "also where JSON is the format"),
        ("domains", "call us now\n", False, "words"),
        ("domains", b"# a\n#\0\0\0\n", False, "damaged comments"),
    ],
)
def test_a_list_that_may_be_empty(
    folder: FeedFolder, name: str, body: bytes | str, accepted: bool, why: str
) -> None:
    feed = replace(folder.feed, can_be_empty=True)
    folder.collect("a.example\nb.example\n", feed)
    outcome = folder.collect(body, replace(feed, format=name))
    assert outcome.state is (FRESH if accepted else REFUSED), why
    assert (folder.in_force() == []) == accepted, why
    (lifted,) = lift_size_limits([replace(folder.feed, format=name)], ["mine"])
    assert lifted.can_be_empty, "a person who accepts a feed accepts that it is empty"


def test_an_emptied_list_empties_its_export(tmp_path: Path) -> None:
    (tmp_path / "l.txt").write_text("# servers\n45.9.148.1\n45.9.148.2\n")
    (tmp_path / "o.txt").write_text("real-scam.top\n")
    config = (
        '[feeds.c2]\nurl = "l.txt"\nformat = "ips"\n'
        '[feeds.o]\nurl = "o.txt"\nformat = "domains"\n'
        '[exports.c]\ntarget = "cidr"\npath = "c.txt"\n'
        '[exports.d]\ntarget = "domains"\npath = "d"\n'
    )
    (tmp_path / "blocklist.toml").write_text(config)
    assert blocklist(tmp_path, "run").code == 0
    (tmp_path / "l.txt").write_text("# servers\n# END 0 entries\n")
    assert blocklist(tmp_path, "run").code == 4
    assert "45.9.148.1" in (tmp_path / "c.txt").read_text()
    assert blocklist(tmp_path, "run", "--accept", "c2").code == 0
    assert "45.9.148" not in (tmp_path / "c.txt").read_text()
    assert blocklist(tmp_path, "run").code == 0, "and it stays so"
    assert "real-scam.top" in (tmp_path / "d").read_text()


def test_a_list_that_is_html_from_the_start(folder: FeedFolder) -> None:
    assert folder.collect("<html>").state == REFUSED
    assert folder.in_force() == []
    assert folder.collect("a.example\n").state == FRESH


def test_a_feed_has_its_own_limits(folder: FeedFolder) -> None:
    guard = Feed("top", (str(folder.file),), "domains", guard=GuardClass.POPULAR, max_shrink=0.0)
    folder.collect(many_names(2000), guard)
    outcome = folder.collect(many_names(1999), guard)
    assert outcome.cause is not None
    assert "to less than 100% (if this is correct: blocklist run --accept top; or" in outcome.cause
    assert folder.collect(feed=replace(guard, max_shrink=0.1)).state == FRESH
    assert folder.collect(many_names(4000), replace(guard, max_growth=2.0)).state == REFUSED
    assert folder.collect(many_names(4000), replace(guard, max_growth=3.0)).state == FRESH


def test_the_policy_sets_the_limits_of_all(folder: FeedFolder) -> None:
    folder.collect(many_names(2000))
    folder.config = replace(folder.config, policy=PolicyConfig(max_shrink=0.9))
    assert folder.collect(many_names(300)).state == FRESH


def test_a_small_list_may_grow_as_it_likes(folder: FeedFolder) -> None:
    folder.collect(many_names(1))
    assert folder.collect(many_names(1000)).state == FRESH


def test_a_top_list_cut_at_its_rank_is_no_bad_list(folder: FeedFolder) -> None:
    options = ParseOptions(column=2, rank_limit=10)
    top = replace(folder.feed, format="csv", parse_options=options)
    body = "".join(f"{rank},n{rank}.example\n" for rank in range(1000))
    assert folder.collect(body, top) == UpdateOutcome("mine", FRESH, None, entries=10, added=10)


def test_one_bad_feed_does_not_harm_others(folder: FeedFolder) -> None:
    (folder.folder / "good.txt").write_text("good.example\n")
    folder.collect("a.example\n")
    folder.file.unlink()
    missing = replace(folder.feed, name="missing", urls=("/no/such/file",))
    good = replace(folder.feed, name="good", urls=(str(folder.folder / "good.txt"),))
    outcomes = folder.update(missing, folder.feed, good)
    assert [outcome.state for outcome in outcomes] == [FAILED, FAILED, FRESH]
    assert outcomes[0].cause == "/no/such/file: no such file"
    assert outcomes[1].entries == 1
    assert folder.in_force("mine") == ["a.example"]
    assert folder.in_force("good") == ["good.example"]


def test_failures_and_refusals_are_remembered(folder: FeedFolder) -> None:
    folder.collect("a.example\n")
    folder.file.unlink()
    folder.collect()
    with open_ledger_writer(folder.config.database, "update") as writer:
        health = register_feed(writer, folder.feed)
    assert (health.state, health.entries) == (FAILED, 1)
    assert health.cause == f"{folder.file}: no such file"
    assert folder.collect("a.example\n").state == UNCHANGED
    with open_ledger_writer(folder.config.database, "update") as writer:
        assert register_feed(writer, folder.feed).cause is None


def test_mirrors_in_order(folder: FeedFolder) -> None:
    folder.file.write_text("a.example\n")
    assert fetch_bytes(("/no/such/file", str(folder.file), "/not/asked")) == b"a.example\n"
    with pytest.raises(FetchError, match=r"^/no/such: no such file; .*: is a folder, not a list$"):
        fetch_bytes(("/no/such", str(folder.folder)))


def test_urls_of_files(folder: FeedFolder) -> None:
    odd = folder.folder / "a list #1 100%.txt"
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


def test_a_file_that_may_not_be_read(public_path: Path) -> None:
    file = public_path / "folder" / "list.txt"
    file.parent.mkdir()
    file.write_text("a.example\n")
    imports = (
        "import sys\nfrom blocklist.fetch.fetch import fetch_bytes\n"
        "from blocklist.fetch.types import FetchError"
    )
    code = "try: fetch_bytes((sys.argv[1],))\nexcept FetchError as error: print(error, end='')"
    expected = f"{file}: cannot be read: Permission denied"
    file.chmod(0)
    assert as_user(imports, code, file) == expected
    file.parent.chmod(0)
    assert as_user(imports, code, file) == expected, "nor in such a folder"
    file.parent.chmod(0o755)


def test_which_feeds_are_chosen(folder: FeedFolder) -> None:
    guard = Feed("top", ("x",), "domains", enabled=True, guard=GuardClass.POPULAR)
    off = replace(folder.feed, name="off", enabled=False)
    config = replace(folder.config, feeds={"mine": folder.feed, "off": off}, guards={"top": guard})
    assert select_feeds(config, []) == [guard, folder.feed], "guards first, and what is enabled"
    assert select_feeds(config, ["off"]) == [off], "whoever names a feed means it"
    assert select_feeds(config, ["off", "mine", "off"]) == [off, folder.feed], "once each"
    assert select_feeds(config, iter(["mine"])) == [folder.feed]
    with pytest.raises(
        NotFoundError,
        match=r"^mien: no such feed; did you mean 'mine'\?; see: blocklist feeds list$",
    ):
        select_feeds(config, ["mine", "mien"])
