"""Decisions of people: what they hold for, when they come back, and when they end."""

import sqlite3
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from blocklist.cli.durations import parse_expiry
from blocklist.errors import UsageError
from tests.support.cli import Run, blocklist

CONFIG = """
[feeds.one]
url = "one.txt"
format = "domains"

[feeds.two]
url = "two.txt"
format = "urls"

[feeds.copy]
url = "copy.txt"
format = "domains"
lineage = ["one"]

[guards.top]
url = "top.txt"
format = "domains"
"""
PAST = "2001-02-03T04:05:06Z"


@pytest.fixture(scope="session")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder where two famous names are held, to be copied."""
    folder = tmp_path_factory.mktemp("review")
    for name, text in {
        "blocklist.toml": CONFIG,
        "one.txt": "shop.com\nnews.com\nevil.com\n",
        "two.txt": "https://evil.com/\n",
        "copy.txt": "evil.com\n",
        "top.txt": "first.com\nnews.com\nshop.com\n",
    }.items():
        (folder / name).write_text(text)
    assert blocklist(folder, "run").code == 0
    return folder


@pytest.fixture
def run(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Give a function that lets Ana run a command in a folder where two famous names are held."""
    monkeypatch.setenv("SUDO_USER", "ana")
    return run


def held(run: Run) -> dict[str, str]:
    """Return what is held and why."""
    items = run("review", "list", "--json").json["items"]
    return {one["indicator"]: f"{one['reason']}: {one['cause']}" for one in items}


def test_what_is_held_is_shown_with_rank_votes_and_age(run: Run, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "blocklist.db") as opened:
        day = datetime.now(UTC) - timedelta(days=3, hours=1)
        opened.execute("UPDATE run SET started = ?", [day.isoformat()])
    opened.close()
    shop, news = sorted(run("review", "list", "--json").json["items"], key=lambda one: -one["rank"])
    assert (shop["indicator"], shop["rank"], shop["age"], shop["feeds"]) == (
        "shop.com", 3, 3, ["one"]
    )  # fmt: skip
    assert (news["indicator"], news["rank"]) == ("news.com", 2)
    assert (
        "shop.com  subtree  popular  shop.com (top)  3     1      one        3" in run("review").out
    )


ORDERED_LISTS = {
    "one.txt": "zeta.com\nalpha.com\nfirst.com\nmid.com\nhost.net\nevil.com\n",
    "copy.txt": "zeta.com\n",
    "two.txt": "https://mid.com/b\nhttps://mid.com/a\n",
    "top.txt": "first.com\nmid.com\nzeta.com\nalpha.com\n",
    "hosts.txt": "host.net\nanother.net\n",
}
HOSTS = """
[guards.hosts]
url = "hosts.txt"
format = "domains"
guard = "shared-host"
"""
#: In the order of review, each with the reason for its place.
REVIEW_ORDER = [
    ("zeta.com", "two feeds list it, though it is the last in the alphabet"),
    ("first.com", "one feed; first of the top list"),
    ("mid.com", "one feed, of which the pages on it are not one; second of the top list"),
    ("alpha.com", "one feed; the last of the top list, though first in the alphabet"),
    ("host.net", "no rank: after all that have one"),
    ("https://mid.com/a", "a page comes after names"),
    ("https://mid.com/b", "the same cause, next in the alphabet"),
]


def test_held_names_are_in_the_order_of_review(run: Run, tmp_path: Path) -> None:
    (tmp_path / "blocklist.toml").write_text(CONFIG + HOSTS)
    for name, text in ORDERED_LISTS.items():
        (tmp_path / name).write_text(text)
    assert run("run").code == 0
    items = run("review", "list", "--json").json["items"]
    assert [one["indicator"] for one in items] == [name for name, _ in REVIEW_ORDER]
    limited = run("review", "list", "--limit", "3", "--json").json["items"]
    assert limited == items[:3]


def test_review_list_says_what_a_person_may_do(run: Run) -> None:
    ended = run("review", "list", "--limit", "1")
    assert "and 1 more of 2 popular (--limit, --reason, --feed)" in ended.out
    assert ended.err.startswith("you may leave it held; to decide: blocklist review accept NAME")
    assert len(ended.err.rstrip()) <= 80
    assert not run("--quiet", "review", "list").err


AWAY = {"one.txt": "news.com\nevil.com\n"}
CHANGES: list[tuple[str, list[dict[str, str]], bool]] = [
    ("nothing changes", [], False),
    ("it leaves and comes back", [AWAY, {"one.txt": "shop.com\nnews.com\n"}], False),
    ("a page on it says nothing about it", [{"two.txt": "https://shop.com/x\n"}], False),
    ("a copy of the feed that lists it", [{"copy.txt": "evil.com\nshop.com\n"}], False),
    ("a feed that had not listed it", [{"two.txt": "https://shop.com\n"}], True),
    ("it comes back in another form", [AWAY, {"one.txt": "news.com\nShop[.]com\n"}], True),
]


@pytest.mark.parametrize(("why", "changes", "back"), CHANGES, ids=[why for why, *_ in CHANGES])
def test_a_rejection_holds_for_the_evidence_it_saw(
    run: Run, tmp_path: Path, why: str, changes: list[dict[str, str]], back: bool
) -> None:
    assert run("review", "reject", "shop.com", "--reason", "we buy there").code == 0
    assert set(held(run)) == {"news.com"}, "what is decided is not asked again"
    for change in [{}, *changes]:
        for name, text in change.items():
            (tmp_path / name).write_text(text)
        assert run("--quiet", "run").code == 0
    (answer,) = run("check", "--json", "shop.com").json["answers"]
    if back:
        assert (answer["verdict"], answer["reason"]) == ("hold", "operator"), why
        assert "but new: " in held(run)["shop.com"]
        assert run("review", "reject", "shop.com").code == 0
        assert run("--quiet", "run").code == 0
        (answer,) = run("check", "--json", "shop.com").json["answers"]
    assert answer["verdict"] == "allow", "and again, where it came back"
    assert "shop.com" not in held(run), why


def test_what_comes_back_is_held_though_no_guard_holds_it_now(run: Run, tmp_path: Path) -> None:
    run("review", "reject", "shop.com")
    (tmp_path / "top.txt").write_text("news.com\n")
    (tmp_path / "two.txt").write_text("https://shop.com\n")
    run("--quiet", "run")
    assert held(run)["shop.com"].endswith("new: two lists it as https://shop.com")
    assert run("check", "shop.com").code == 0


def test_what_comes_back_stays_open_below_what_is_blocked(run: Run, tmp_path: Path) -> None:
    (tmp_path / "top.txt").write_text("www.evil.com\nshop.com\n")
    (tmp_path / "one.txt").write_text("evil.com\nwww.evil.com\nfraud.com\n")
    assert run("--quiet", "run").code == 0
    assert run("review", "accept", "evil.com").code == 0
    assert run("review", "reject", "www.evil.com").code == 0
    assert run("--quiet", "run").code == 0
    (tmp_path / "two.txt").write_text("https://www.evil.com\n")
    assert run("--quiet", "run").code == 0
    answers = run("check", "--json", "evil.com", "www.evil.com").json["answers"]
    assert [one["verdict"] for one in answers] == ["block", "hold"]
    shown = run("release", "show", "--json").json["shown"]
    assert {"www.evil.com": "allow", "evil.com": "block"}.items() <= {
        one["value"]: one["action"] for one in shown
    }.items()


def test_a_feed_that_is_switched_off_is_no_evidence(run: Run, tmp_path: Path) -> None:
    run("review", "reject", "shop.com")
    (tmp_path / "two.txt").write_text("https://shop.com\n")
    run("--quiet", "update", "two")
    text = CONFIG.replace("[feeds.two]", "[feeds.two]\nenabled = false")
    (tmp_path / "blocklist.toml").write_text(text)
    run("--quiet", "run")
    assert run("check", "--json", "shop.com").json["answers"][0]["verdict"] == "allow"


def test_an_allow_of_ones_own_stands_whatever_feeds_say(run: Run, tmp_path: Path) -> None:
    run("allow", "add", "shop.com")
    (tmp_path / "two.txt").write_text("https://shop.com\n")
    run("--quiet", "run")
    assert run("check", "--json", "shop.com").json["answers"][0]["verdict"] == "allow"


def test_decisions_are_on_record(run: Run) -> None:
    run("review", "accept", "shop.com", "--reason", "a copy of our shop", "--for", "7d")
    (entry,) = run("block", "list", "--json").json["entries"]
    assert (entry["value"], entry["author"], entry["reason"]) == (
        "shop.com", "ana", "a copy of our shop"
    )  # fmt: skip
    assert entry["seen"] == [["one", "shop.com"]]
    assert entry["expires"] > entry["created"]
    assert entry["note"] == "counts from the next run on"


@pytest.mark.parametrize(("verb", "code"), [("accept", 1), ("reject", 0)])
def test_all_that_a_feed_lists_is_decided_at_once(run: Run, verb: str, code: int) -> None:
    asked = run("review", verb, "--feed", "one")
    assert asked.code == 2
    assert "2 held indicators that one lists will be " in asked.err
    assert len(held(run)) == 2
    assert run("review", verb, "--feed", "one", "--yes").code == 0
    run("--quiet", "run")
    assert held(run) == {}
    assert run("check", "shop.com").code == code


def test_at_a_terminal_it_asks(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    for answer, code, left in ((False, 2, 2), (True, 0, 0)):
        monkeypatch.setattr("typer.confirm", lambda *_, answer=answer, **__: answer)
        assert run("review", "reject", "--feed", "one").code == code
        assert len(held(run)) == left


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "a NAME, or --feed"),
        (("shop.com", "--feed", "one"), "a NAME, or --feed"),
        (("--feed", "two"), "nothing that it lists is held"),
        (("evil.com",), "is not held"),
        (("shop.com", "--for", "2h", "--until", "2999-01-01"), "not both"),
    ],
)
def test_wrong_use(run: Run, words: tuple[str, ...], says: str) -> None:
    ended = run("review", "reject", *words)
    assert ended.code == 2
    assert says in ended.err


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        ("2999-01-31", "2999-02-01T00:00:00Z"),
        ("2999-01-31T18:00", "2999-01-31T18:00:00Z"),
        ("2999-01-31T18:00+02:00", "2999-01-31T16:00:00Z"),
        ("9999-12-31", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("2001-01-01", None),
        ("tomorrow", None),
    ],
)
def test_until(until: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(UsageError, match=f"--until {until}: "):
            parse_expiry(None, until)
    else:
        assert parse_expiry(None, until) == datetime.fromisoformat(expected)


def test_an_entry_whose_time_is_over_ends_and_says_so_once(run: Run, tmp_path: Path) -> None:
    run("allow", "add", "evil.com", "--reason", "a test", "--for", "2h")
    run("--quiet", "run")
    assert run("check", "evil.com").code == 0
    with sqlite3.connect(tmp_path / "blocklist.db") as opened:
        opened.execute("UPDATE entry SET expires = ?", [PAST])
    opened.close()
    ended = run("run")
    assert f"allow evil.com (subtree) ended at {PAST} (a test)" in ended.err
    assert run("check", "evil.com").code == 1
    assert "ended at" not in run("run").err
    assert run("allow", "list", "--json").json["entries"] == []


def test_the_list_of_allows_says_which_do_nothing(run: Run) -> None:
    for name in ("evil.com", "www.evil.com", "com", "46.9.9.9", "nobody.net"):
        assert run("allow", "add", name, "--public-suffix").code == 0
    run("allow", "add", "soon.net", "--for", "90m")
    run("allow", "add", "sooner.net", "--for", "9m")
    assert run("--quiet", "run").code == 0
    notes = {one["value"]: one["note"] for one in run("allow", "list", "--json").json["entries"]}
    assert notes == {
        "evil.com": "",
        "www.evil.com": "",
        "com": "",
        "46.9.9.9": "no feed ever listed it",
        "nobody.net": "no feed ever listed it",
        "soon.net": "no feed ever listed it; ends in 90 min",
        "sooner.net": "no feed ever listed it; ends in 9 min",
    }
    findings = run("doctor", "--json").json["findings"]
    told = {one["where"] for one in findings if one["check"] == "allows"}
    assert "allow nobody.net (subtree)" in told
    assert "allow evil.com (subtree)" not in told


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("popular", 0),
        ("shared-host", 0),
        ("url-only", 0),
        ("operator", 0),  # rejected, with new evidence since
        ("listed", 2),
        ("protected", 2),
        ("weak", 2),
        ("invalid", 2),
    ],
)
def test_reasons_that_can_hold_an_indicator(run: Run, reason: str, code: int) -> None:
    assert run("review", "list", "--reason", reason).code == code
