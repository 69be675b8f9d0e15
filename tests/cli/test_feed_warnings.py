"""Feeds that cannot be fetched: one paragraph about the network, or a warning each, said once."""

from pathlib import Path

import pytest

from blocklist import FeedState, UpdateOutcome
from blocklist.cli.render.feed_warnings import warn_about_feeds
from tests.support.cli import blocklist

#: Nothing listens at this port.
CLOSED = "http://127.0.0.1:1"
PROXY_VARIABLES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "no_proxy", "NO_PROXY")
FAILED_FEED_EXIT = 4


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the environment set no proxy."""
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def make_outcomes(reached: str, entries: int = 0) -> list[UpdateOutcome]:
    """Return outcomes by letter: answered, unreachable, bad content, local or not due."""
    states = {
        "a": (FeedState.FRESH, None, True),
        "u": (FeedState.FAILED, "cannot be reached", False),
        "b": (FeedState.REFUSED, "a web page", True),
        "l": (FeedState.FRESH, None, None),
        "n": (FeedState.STALE, "its server accepts no request", None),
    }
    return [
        UpdateOutcome(f"feed{number}", state, cause, entries, note="never fetched", reached=was)
        for number, (state, cause, was) in enumerate(states[letter] for letter in reached)
    ]


@pytest.mark.parametrize(
    ("feeds", "network", "each", "why"),
    [
        ("u" * 13, "(13 of 13)", 0, "no network"),
        ("uu", "(2 of 2)", 0, "all of two"),
        ("u" * 13 + "l", "(13 of 13)", 0, "a file needs no network"),
        ("uun", "(2 of 2)", 1, "a feed that was not asked has its own cause"),
        ("u", "", 1, "one feed: its server may be down"),
        ("ul", "", 1, "one feed, and a file"),
        ("uu" + "a" * 11, "", 2, "some: the network works"),
        ("u" * 12 + "a", "", 12, "most, but one server answered"),
        ("u" * 12 + "b", "", 13, "an answer that is refused came over the network"),
        ("a" * 13, "", 0, "all is well"),
        ("", "", 0, "no feed"),
    ],
)
def test_the_network_is_named_once_if_no_server_was_reached(
    feeds: str, network: str, each: int, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    warn_about_feeds(make_outcomes(feeds))
    lines = capsys.readouterr().err.splitlines()
    assert sum(line.startswith("feed") for line in lines) == each, why
    assert [line for line in lines if "is there a network?" in line] == [
        line for line in lines if network and network in line
    ], why
    assert len(lines) <= each + 4, why


def test_lists_that_were_loaded_before_are_said_to_stay(
    capsys: pytest.CaptureFixture[str],
) -> None:
    warn_about_feeds(make_outcomes("uuu", entries=5))
    assert "the lists that were loaded before stay in force" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "no proxy is set"),
        ({"https_proxy": "http://proxy.example:3128"}, "http://proxy.example:3128 for https"),
        ({"HTTPS_PROXY": "http://ana:geheim@proxy.example:1"}, "http://proxy.example:1 for https"),
        ({"https_proxy": "ana:geheim@proxy.example:1"}, "http://proxy.example:1 for https"),
        ({"http_proxy": "http://geheim@[::1]:8080/"}, "http://[::1]:8080/ for http"),
        ({"http_proxy": "http://ana:ge@heim@p.example"}, "http://p.example for http"),
        ({"https_proxy": "http://p.example/?geheim=1"}, "http://p.example/?... for https"),
        ({"https_proxy": "http://ana:geheim@[broken"}, "a URL that cannot be read for https"),
        (
            {"http_proxy": "http://geheim:x@p.example", "https_proxy": "http://p.example"},
            "http://p.example for http and https",
        ),
        (
            {"http_proxy": "http://a.example", "https_proxy": "http://b.example"},
            "http://a.example for http, http://b.example for https",
        ),
        ({"https_proxy": ""}, "no proxy is set"),
    ],
    ids=str,
)
def test_the_proxy_is_named_without_its_credentials(
    variables: dict[str, str],
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    warn_about_feeds(make_outcomes("uu"))
    text = " ".join(capsys.readouterr().err.split())
    assert expected in text
    for secret in ("geheim", "heim@", "ana"):
        assert secret not in text


def write_feeds(folder: Path, urls: list[str]) -> None:
    (folder / "good.txt").write_text("fraud-one.top\n")
    feeds = "".join(
        f'[feeds.feed{number}]\nurl = "{url}"\nformat = "domains"\nenabled = true\n'
        for number, url in enumerate(urls)
    )
    (folder / "blocklist.toml").write_text(feeds + "[collect]\ntries = 1\n")


def test_thirteen_unreachable_feeds_are_one_paragraph(tmp_path: Path) -> None:
    write_feeds(tmp_path, [f"{CLOSED}/{number}" for number in range(13)])
    ended = blocklist(tmp_path, "update")
    assert ended.code == FAILED_FEED_EXIT
    assert not ended.out
    assert ended.err.count("feed") <= 3
    assert max(map(len, ended.err.splitlines())) <= 80


def test_one_unreachable_feed_is_reported_once(tmp_path: Path) -> None:
    write_feeds(tmp_path, [f"{CLOSED}/0", "good.txt"])
    ended = blocklist(tmp_path, "update")
    assert ended.code == FAILED_FEED_EXIT
    assert ended.err.count("feed0: ") == 1
    outcomes = blocklist(tmp_path, "update", "--json").json["feeds"]
    assert [outcome["reached"] for outcome in outcomes] == [False, None]
