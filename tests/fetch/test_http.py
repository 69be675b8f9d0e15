"""HTTP when all is well: conditional requests, retries, mirrors, headers."""

import gzip
from dataclasses import replace

import pytest

from blocklist.cli import main
from blocklist.fetch.fetch import fetch_bytes
from blocklist.fetch.http import USER_AGENT
from blocklist.fetch.types import FetchError
from blocklist.model import GuardClass
from tests.support import fault_server as faults
from tests.support.fault_server import says
from tests.support.http_feeds import FAILED, FRESH, GOOD, NAMES, REFUSED, UNCHANGED, HttpFeeds


def test_a_second_look_asks_whether_anything_changed(http_feeds: HttpFeeds) -> None:
    feed = http_feeds.feed("mine", faults.good(GOOD))
    assert http_feeds.update(feed)[0].state is FRESH
    sent = http_feeds.server.body_bytes
    assert http_feeds.update(feed)[0].state is UNCHANGED
    assert http_feeds.server.body_bytes == sent
    wider = replace(feed, format="wildcard")
    assert http_feeds.update(wider)[0].state is FRESH, "read otherwise, so it is needed again"
    assert "if-none-match" not in http_feeds.server.asked[-1].headers


def test_validators_are_of_one_url(http_feeds: HttpFeeds) -> None:
    feed, other = (http_feeds.feed(name, faults.good(GOOD)) for name in ("mine", "other"))
    http_feeds.update(feed)
    http_feeds.update(replace(feed, urls=other.urls))
    assert "if-none-match" not in http_feeds.server.asked[-1].headers


def test_headers_that_contradict_each_other_are_not_kept(http_feeds: HttpFeeds) -> None:
    twice = ('ETag: "a"', 'ETag: "b"', "Content-Type: text/plain", "Content-Type: text/html")
    feed = http_feeds.feed(
        "mine", says(GOOD, *twice, "Last-Modified: Tue, 24 Nov 2026 03:00:00 GMT")
    )
    assert http_feeds.update(feed)[0].state is FRESH
    assert http_feeds.update(feed)[0].state is UNCHANGED
    headers = http_feeds.server.asked[-1].headers
    assert "if-none-match" not in headers
    assert headers["if-modified-since"] == "Tue, 24 Nov 2026 03:00:00 GMT"


def test_tries_again_where_that_may_help(http_feeds: HttpFeeds) -> None:
    busy = says(b"", "Retry-After: 0", status="503 Busy")
    once = says(b"", status="500 Oops")
    for name, first in (("busy", busy), ("once", once), ("cut", faults.hangs_up(GOOD))):
        feed = http_feeds.feed(name, faults.in_turn(first, says(GOOD)))
        assert http_feeds.update(feed)[0].state is FRESH, name
    gone = http_feeds.feed("gone", faults.in_turn(faults.not_found, says(GOOD)))
    assert http_feeds.update(gone)[0].state is FAILED, "404 is an answer"


def test_mirrors_in_order(http_feeds: HttpFeeds) -> None:
    bad, good = http_feeds.feed("bad", faults.not_found), http_feeds.feed("good", says(GOOD))
    feed = replace(good, urls=(*bad.urls, *good.urls))
    assert http_feeds.update(feed)[0].state is FRESH
    (outcome,) = http_feeds.update(replace(good, urls=(*bad.urls, "/no/such/file")))
    assert (
        outcome.cause
        == f"{bad.urls[0]}: the server answers 404 Not Found; /no/such/file: no such file"
    )


def test_slow_loss_shows_against_what_is_usual(http_feeds: HttpFeeds) -> None:
    counts = (2000, 2000, 2000, 1200, 800)
    bodies = ["\n".join(NAMES[:count]).encode() + b"\n#%d" % n for n, count in enumerate(counts)]
    feed = http_feeds.feed("mine", faults.in_turn(*map(says, bodies)))
    # The comment differs, so each is a snapshot of its own.
    states = [http_feeds.update(feed)[0].state for _ in bodies]
    assert states == [FRESH, FRESH, FRESH, FRESH, REFUSED]
    assert http_feeds.update(replace(feed, max_shrink=0.9))[0].state is FRESH
    feed = http_feeds.feed("mine", says("\n".join(NAMES[:700]).encode()))
    assert http_feeds.update(feed)[0].state is FRESH, "what somebody meant is usual from then on"


def test_who_we_are_and_what_we_take(http_feeds: HttpFeeds) -> None:
    http_feeds.update(http_feeds.feed("mine", says(GOOD)))
    headers = http_feeds.server.asked[-1].headers
    assert headers["user-agent"] == USER_AGENT
    assert headers["accept-encoding"] == "gzip, br, zstd"


def test_a_page_that_is_a_list_after_all(http_feeds: HttpFeeds) -> None:
    html = "Content-Type: text/html; charset=utf-8"
    assert http_feeds.update(http_feeds.feed("mine", says(GOOD, html)))[0].state is FRESH
    doubtful = GOOD + b"what is this?\n" * 500
    (outcome,) = http_feeds.update(http_feeds.feed("other", says(doubtful, html)))
    assert (outcome.cause or "").startswith("sent as a web page (text/html), and only 80% of")


def test_a_guard_may_list_its_own_host(http_feeds: HttpFeeds) -> None:
    play = says(b"127.0.0.2\n" + GOOD)
    assert (
        http_feeds.update(http_feeds.feed("mine", play, guard=GuardClass.POPULAR))[0].state is FRESH
    )
    assert http_feeds.update(http_feeds.feed("other", play))[0].state is REFUSED


def test_the_door_for_one_url(http_feeds: HttpFeeds) -> None:
    feed = http_feeds.feed("mine", says(gzip.compress(GOOD)))
    assert fetch_bytes(feed.urls) == GOOD
    with pytest.raises(FetchError, match=r": the server answers 404 Not Found$"):
        fetch_bytes((http_feeds.server.url("/nothing"),))


def test_the_exit_code_and_what_is_said(
    http_feeds: HttpFeeds, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = http_feeds.config.database.parent
    (folder / "blocklist.toml").write_text(
        "[collect]\ntries = 1\n"
        + "".join(
            f"[feeds.{name}]\nurl = '{http_feeds.feed(name, play).urls[0]}'\nformat = 'domains'\n"
            for name, play in (("good", says(GOOD)), ("gone", faults.not_found))
        )
    )
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.argv", ["blocklist", "update"])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capfd.readouterr()
    assert ended.value.code == 4
    assert "good: fresh, 2,000 entries" in err
    assert "the server answers 404 Not Found. This feed has no entries" in err
    assert len(out.splitlines()) == 3
