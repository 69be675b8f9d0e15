"""Arguments of library calls: each wrong one is refused by name, each right form is taken."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import blocklist
from blocklist import Blocklist, HeldIndicator, Scope, UsageError, Verdict
from blocklist.api.arguments import Moment
from tests.support.worlds import make_world

Call = Callable[[Any], object]


def held(library: Blocklist) -> tuple[HeldIndicator, ...]:
    return library.review.find("shop.com")


def failing_names() -> Iterator[str]:
    yield "a.example"
    raise TypeError("the caller's own mistake")


WRONG: dict[str, tuple[Call, str]] = {
    # Names: each item is a text, and so is a single one.
    "none in a list": (lambda b: b.check(["a.example", None]), r"names\[1\]: .*not None"),
    "bytes in a list": (lambda b: b.check(["a.example", b"b"]), r"names\[1\]: .*not bytes"),
    "a number in columns": (lambda b: b.check(["a.example"] * 2_500 + [1]), r"names\[2500\]"),
    "bytes": (lambda b: b.check(b"x"), "names: expected a text or several, not bytes"),
    "a bytearray": (lambda b: b.check(bytearray(b"x")), "names: .*not bytearray"),
    "nothing": (lambda b: b.check(None), "names: .*not None"),
    "a number": (lambda b: b.check(7), "names: .*not int"),
    "a list in a list": (lambda b: b.check([["a.example"]]), r"names\[0\]: .*not list"),
    "a path": (lambda b: b.check([Path("a")]), r"names\[0\]: .*Path"),
    "an entry of none": (lambda b: b.allow.add(["a.example", None]), r"names\[1\]"),
    "an entry of nothing": (lambda b: b.allow.add(None), "names: .*not None"),
    "removing bytes": (lambda b: b.block.remove([b"x"]), r"names\[0\]"),
    "explaining none": (lambda b: b.explain(None), "name: .*not None"),
    "reviewing bytes": (lambda b: b.review.find(b"x"), "name: .*not bytes"),
    "resolving a number": (lambda b: b.resolve(["a.example", 5]), r"names\[1\]"),
    "updating a number": (lambda b: b.update([5]), r"feeds\[0\]"),
    "accepting none": (lambda b: b.run(accept=None), "accept: .*not None"),
    "exporting bytes": (lambda b: b.export(b"names"), "names: .*not bytes"),
    "a feed of none": (lambda b: b.feeds.show(None), "name: .*not None"),
    "a source of bytes": (lambda b: b.feeds.test(b"one.txt"), "source: .*not bytes"),
    # Words: only those of the enumeration.
    "a scope": (lambda b: b.allow.add("a.example", scope="exakt"), "expected one of .*exact.*mean"),
    "a scope of none": (lambda b: b.allow.add("a.example", scope=None), "scope None: expected one"),
    "another enumeration": (lambda b: b.allow.add("a.example", scope=Verdict.BLOCK), "scope"),
    "a scope in capitals": (lambda b: b.block.add("a.example", scope="EXACT"), "scope 'EXACT'"),
    "a list of reasons": (lambda b: b.review.list(reason=["weak"]), "reason list: expected one of"),
    "a reason": (lambda b: b.review.list(reason="nope"), "reason 'nope': expected one of"),
    "a category of feeds": (lambda b: b.feeds.list(category="nope"), "category 'nope'"),
    "a category of a diff": (lambda b: b.releases.diff(1, 1, category="nope"), "category 'nope'"),
    "a category to add": (lambda b: b.feeds.prepare("one.txt", category=""), "category ''"),
    "an action": (lambda b: b.review.decide(held(b), "blockk"), "one of block, allow"),
    "to hold": (lambda b: b.review.decide(held(b), Verdict.HOLD), "one of block, allow"),
    "to clear nothing": (lambda b: b.review.decide([], "clear"), "one of block, allow"),
    "a name to decide": (lambda b: b.review.decide("shop.com", "block"), "held: expected held"),
    "nothing to decide": (lambda b: b.review.decide(None, "block"), "held: expected held"),
    # Numbers.
    "a negative limit": (lambda b: b.review.list(limit=-1), "limit: .*at least zero"),
    "a limit as text": (lambda b: b.review.list(limit="5"), "limit: expected a whole number"),
    "no limit": (lambda b: b.review.list(limit=None), "limit: expected a whole number"),
    "half a name": (lambda b: b.resolve(limit=0.5), "limit: expected a whole number"),
    "minus one name": (lambda b: b.resolve(limit=-1), "limit: .*at least zero"),
    "true names": (lambda b: b.resolve(limit=True), "limit: expected a whole number"),
    "a release as text": (lambda b: b.releases.rollback("1"), "number: expected a whole number"),
    # Reasons and authors.
    "an author of bytes": (lambda b: b.allow.add("a.example", author=b"x"), "author: .*not bytes"),
    "a reason of a number": (lambda b: b.allow.add("a.example", reason=5), "reason: .*not int"),
    "why accept": (lambda b: b.releases.accept(["why"]), "reason: .*not list"),
    # Ends and moments.
    "a past day": (lambda b: b.allow.add("a.example", expires=date(2001, 1, 1)), "over already"),
    "the last day": (lambda b: b.allow.add("a.example", expires=date.max), "too far away"),
    "an end as text": (lambda b: b.allow.add("a.example", expires="2099-01-01"), "expires: expect"),
    "an end as number": (lambda b: b.review.accept("shop.com", expires=30), "expires: expected"),
    "no moment": (lambda b: b.check("a.example", at=1.5), "at: expected .*not float"),
    "a true moment": (lambda b: b.check("a.example", at=True), "at: expected .*not bool"),
    "a negative release": (lambda b: b.check("a.example", at=-1), "expected a date"),
    "to keep days": (lambda b: b.prune(400), "keep: expected a timedelta, not int"),
    # Feeds, formats and paths.
    "a feed to review": (lambda b: b.review.list(feed=5), "feed: .*not int"),
    "half a pair in a feed": (lambda b: b.review.find(feed="\ud800"), "feed: .*no valid text"),
    "feeds to accept": (lambda b: b.review.accept(feed=["one"]), "feed: .*not list"),
    "a feed of a diff": (lambda b: b.releases.diff(1, 1, feed=b"one"), "feed: .*not bytes"),
    "a feed to roll back": (lambda b: b.releases.rollback(feed=1), "feed: .*not int"),
    "a feed to unpin": (lambda b: b.releases.unpin(feed=[]), "feed: .*not list"),
    "no licence": (lambda b: b.feeds.list(licence=None), "licence: .*not None"),
    "a format": (lambda b: b.feeds.test("one.txt", 5), "format_name: .*not int"),
    "a feed's name": (lambda b: b.feeds.prepare("one.txt", name=b"x"), "name: .*not bytes"),
    "a source with a zero": (lambda b: b.feeds.prepare("a\0b"), "source: .*is no path"),
    "half a pair in a source": (lambda b: b.feeds.test("\ud800"), "source: .*is no path"),
    "a name to add": (lambda b: b.feeds.add("one"), "what `prepare` returned"),
    # The rest.
    "no resolvers": (lambda b: b.resolve(servers=[]), "servers: expected at least one"),
    "no callback": (lambda b: b.update(progress=None), "progress: expected a function"),
    "a path of bytes": (lambda b: type(b).open(b"x"), "config: .*not bytes"),
    "a path with a zero": (lambda b: type(b).open("a\0b"), "is no path"),
}  # fmt: skip


@pytest.mark.parametrize("why", WRONG)
def test_wrong_arguments_are_refused_by_name(ready: Path, why: str) -> None:
    (call, message), library = WRONG[why], Blocklist.open(ready / "blocklist.toml")
    with pytest.raises(UsageError, match=message):
        call(library)
    assert (library.allow.list(), library.block.list()) == ((), ())
    assert [release.number for release in library.releases.list()] == [1]


def test_an_exception_of_the_names_themselves_is_raised(library: Blocklist) -> None:
    with pytest.raises(TypeError, match="own mistake"):
        library.check(failing_names())


NOTHING: dict[str, tuple[Call, object]] = {
    "no feeds": (lambda b: b.update([]), ()),
    "no feeds of an iterator": (lambda b: b.update(iter(())), ()),
    "no exports": (lambda b: b.export(()), ()),
    "no names to resolve": (lambda b: b.resolve([]).names, 0),
    "at most no names": (lambda b: b.resolve(limit=0).names, 0),
    "no countries": (lambda b: b.review.list(countries=[]).items, ()),
    "no names to check": (lambda b: len(b.check([])), 0),
    "no held indicators": (lambda b: b.review.decide([], "block").entries, ()),
    "no entries": (lambda b: b.allow.add([]).entries, ()),
    "a page of none": (lambda b: b.review.list(limit=0).items, ()),
}


@pytest.mark.parametrize("why", NOTHING)
def test_an_empty_list_is_nothing(library: Blocklist, copied: Path, why: str) -> None:
    (copied / "one.txt").write_text("changed.top\n")
    (copied / "out/names").write_text("changed\n")
    call, expected = NOTHING[why]
    assert call(library) == expected
    assert (copied / "out/names").read_text() == "changed\n"
    (status,) = [one for one in library.feeds.list() if one.feed.name == "one"]
    assert status.health and status.health.entries == 4


def test_none_is_everything(library: Blocklist) -> None:
    assert [outcome.feed for outcome in library.update(None)] == ["top", "one", "two"]
    assert [outcome.name for outcome in library.export(None)] == ["names"]
    assert library.review.list(countries=None, reason=None).total == 1
    assert library.feeds.list(category=None) == library.feeds.list()


def test_a_text_is_one_item(library: Blocklist) -> None:
    assert library.update("one", accept="one")[0].is_good
    assert library.run(accept="two").is_good
    assert [outcome.name for outcome in library.export("names")] == ["names"]
    for countries in ({"countries": "CN"}, {"not_countries": "CN"}):
        with pytest.raises(blocklist.ConfigError, match=r"resolve\.country"):
            library.review.list(**countries)  # type: ignore[arg-type]
    with pytest.raises(blocklist.NotFoundError, match=r"^oen: "):
        library.run(accept="oen")
    with pytest.raises(blocklist.BlocklistError, match=r"192\.0\.2\.x"):
        library.resolve(["a.example"], servers="192.0.2.x")


def test_words_may_be_texts(library: Blocklist) -> None:
    change = library.allow.add("a.example", scope="exact")
    assert change.entries[0].scope is Scope.EXACT
    assert library.review.list(reason="popular").total == 1
    assert library.review.list(reason="weak").total == 0
    named = [status.feed.name for status in library.feeds.list(category="phishing", enabled=True)]
    assert named == ["one"]
    assert library.releases.diff(1, 1, category="phishing").added.is_empty()
    (entry,) = library.review.decide(held(library)[0], "block").entries
    assert entry.action is Verdict.BLOCK


def test_large_numbers_mean_no_limit(library: Blocklist) -> None:
    assert len(library.review.list(limit=10**30).items) == 1
    assert library.prune(timedelta.max).verdicts == 0
    with pytest.raises(blocklist.NotFoundError):
        library.check("a.example", at=10**5_000)
    with pytest.raises(blocklist.NotFoundError):
        library.releases.rollback(10**30)


NOTES = [
    ("\ud800", r"\ud800", "half of a pair has no UTF-8"),
    ("x\x1b[31m", r"x\x1b[31m", "an escape sequence"),
    ("a\rb", r"a\rb", "back to the start of the line"),
    ("a\u202eb", r"a\u202eb", "from right to left"),
    ("Zoë ☃", "Zoë ☃", "a plain name"),
]


@pytest.mark.parametrize(("given", "stored", "why"), NOTES)
def test_authors_and_reasons_cannot_control_a_terminal(
    library: Blocklist, given: str, stored: str, why: str
) -> None:
    library.allow.add("a.example", author=given, reason=given)
    (noted,) = library.allow.list()
    assert (noted.entry.author, noted.entry.reason) == (stored, stored), why


def test_no_reason_and_no_author_have_a_default(library: Blocklist) -> None:
    library.allow.add("a.example", author=None, reason=None)
    (noted,) = library.allow.list()
    assert (noted.entry.author, noted.entry.reason) == ("ana", "")
    change = library.review.accept("shop.com", reason=None)
    assert change.entries[0].reason == "review: accepted (popular)"


def test_an_entry_has_its_time_and_is_reported_once(library: Blocklist) -> None:
    change = library.allow.add(["d.example", "D.example", "d.example."])
    (entry,) = change.entries
    assert (entry.value, change.replaced) == ("d.example", 0)
    assert [entry] == [noted.entry for noted in library.allow.list()]
    assert abs(datetime.now(UTC) - datetime.fromisoformat(entry.created)) < timedelta(minutes=5)
    decided = library.review.decide([*held(library), *held(library)], "allow")
    assert [(one.value, bool(one.created)) for one in decided.entries] == [("shop.com", True)]


def test_a_day_ends_at_its_end(library: Blocklist) -> None:
    today = datetime.now(UTC).date()
    (entry,) = library.allow.add("a.example", expires=today).entries
    assert entry.expires == f"{today + timedelta(days=1)}T00:00:00Z"
    (entry,) = library.allow.add("a.example", expires=date(2099, 12, 31)).entries
    assert entry.expires == "2100-01-01T00:00:00Z", "as --until has it"


MOMENTS: list[tuple[Moment | None, type[blocklist.BlocklistError] | None, str]] = [
    ("garbage", UsageError, "no time"),
    ("", UsageError, "an empty text"),
    ("2026-13-01", UsageError, "no such month"),
    (99, blocklist.NotFoundError, "no such release"),
    ("99", blocklist.NotFoundError, "the same as a text"),
    (datetime(2999, 1, 1), UsageError, "yet to come"),
    (date.max, UsageError, "the last day"),
    (datetime(2001, 1, 1), None, "long ago"),
    (date(2001, 1, 1), None, "a day long ago"),
    (None, None, "now"),
]


@pytest.mark.parametrize(("at", "error", "why"), MOMENTS)
def test_a_moment_is_checked_without_a_ledger_too(
    library: Blocklist, tmp_path: Path, at: Moment, error: type[Exception] | None, why: str
) -> None:
    (tmp_path / "new").mkdir()
    for one in (library, Blocklist.open(make_world(tmp_path / "new"))):
        if error is None:
            assert one.check("nobody.example", at=at).verdict is Verdict.CLEAR, why
        else:
            with pytest.raises(error):
                one.check("nobody.example", at=at)


def test_without_a_ledger_nothing_is_decided(tmp_path: Path) -> None:
    library = Blocklist.open(make_world(tmp_path))
    assert library.review.decide([], "block").entries == ()


def test_results_can_be_compared_and_kept_in_sets(library: Blocklist) -> None:
    answer, answers = library.check("fraud.top"), library.check(["fraud.top"] * 2_500)
    assert len({answer, library.check("fraud.top"), *answers}) == 1
    page, releases = library.review.list(), library.releases
    results: list[object] = [
        answers, page, *page.items, releases.current(), releases.show(), releases.diff(1, 1),
        library.allow.add("a.example"), library.allow.list(), library.explain("fraud.top"),
        library.run(), library.status(), library.doctor(), *library.feeds.list(enabled=True),
        library.feeds.overlap(), library.build_release(), library.releases.rollback(1),
    ]  # fmt: skip
    for result in results:
        assert result in {result: True}, type(result)
        assert result != object()
        assert bool(result == results[0]) == (result is results[0]), type(result)
