"""Over HTTP, when all is well: what is asked, what is sent along, what is remembered."""

import bz2
import gzip
import hashlib
import io
import logging
import lzma
import zipfile
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import brotli  # type: ignore[import-untyped]
import pytest

from blocklist.cli import main
from blocklist.collect.schedule import parse_expires
from blocklist.config.sections import CollectConfig
from blocklist.fetch.credentials import redact_url
from blocklist.fetch.fetch import fetch_bytes
from blocklist.fetch.http import USER_AGENT
from blocklist.fetch.ssrf import SsrfGuard, is_public_address
from blocklist.fetch.types import FetchError
from blocklist.ledger.db.timestamps import format_timestamp
from blocklist.ledger.db.writer import open_ledger_writer
from blocklist.model import GuardClass
from tests.fetch.test_http_faults import (
    FAILED,
    FRESH,
    GOOD,
    NAMES,
    REFUSED,
    UNCHANGED,
    World,
    contexts,
    world,
)
from tests.support import fault_server as faults
from tests.support.corpus import NON_LISTS, corpus_files, format_of_file
from tests.support.fault_server import says

__all__ = ["contexts", "world"]  # fixtures


def zipped(*corpus_files: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in corpus_files:
            archive.writestr(name, GOOD)
    return made.getvalue()


def zstd(data: bytes) -> bytes:
    from backports import zstd as library

    return bytes(library.compress(data))


@pytest.mark.parametrize(
    ("body", "coding", "why"),
    [
        (gzip.compress(GOOD), "gzip", "the usual"),
        (brotli.compress(GOOD), "br", "told by the header alone"),
        (zstd(GOOD), "zstd", "the newest"),
        (gzip.compress(GOOD), "", "a packed file"),
        (gzip.compress(gzip.compress(GOOD)), "gzip", "a packed file, packed on the way"),
        (GOOD, "gzip", "a server that says what is not so"),
        (gzip.compress(GOOD[:100]) + gzip.compress(GOOD[100:]), "", "in two parts"),
        (gzip.compress(GOOD) + b"\0" * 512, "", "padded"),
        (bz2.compress(GOOD), "", "bzip2"),
        (lzma.compress(GOOD), "", "xz"),
        (zipped("list.txt"), "", "a zip"),
        (GOOD.decode().encode("utf-16"), "", "UTF-16 with a mark"),
    ],
)
def test_whatever_it_is_packed_in(world: World, body: bytes, coding: str, why: str) -> None:
    feed = world.feed("packed", says(body, *([f"Content-Encoding: {coding}"] if coding else [])))
    (outcome,) = world.update(feed)
    assert (outcome.state, outcome.entries) == (FRESH, 2000), (why, outcome.cause)
    assert world.update(feed)[0].state is UNCHANGED


@pytest.mark.parametrize(
    ("body", "cause", "why"),
    [
        (zipped("a", "b"), "a zip of 2 files, expected one", "which is it?"),
        (zipped("a")[:-30], "broken zip data: File is not a zip file", "cut off"),
        (bz2.compress(GOOD)[:-9], "cut off: its bzip2 data ends too early", "cut off"),
        (lzma.compress(GOOD)[:-9], "cut off: its xz data ends too early", "cut off"),
        (zstd(GOOD)[:-9], "cut off: its zstd data ends too early", "cut off"),
        (gzip.compress(GOOD)[:50] + b"x" * 500, "broken gzip data", "damaged"),
        (
            gzip.compress(gzip.compress(gzip.compress(gzip.compress(GOOD)))),
            "compressed more than 3",
            "",
        ),
    ],
)
def test_what_does_not_unpack(world: World, body: bytes, cause: str, why: str) -> None:
    (outcome,) = world.update(world.feed("packed", says(body)))
    assert (outcome.state, cause in (outcome.cause or "")) == (REFUSED, True), (why, outcome)


def test_a_second_look_asks_whether_anything_changed(world: World) -> None:
    feed = world.feed("mine", faults.good(GOOD))
    assert world.update(feed)[0].state is FRESH
    sent = world.server.body_bytes
    assert world.update(feed)[0].state is UNCHANGED
    assert world.server.body_bytes == sent
    wider = replace(feed, format="wildcard")
    assert world.update(wider)[0].state is FRESH, "read otherwise, so it is needed again"
    assert "if-none-match" not in world.server.asked[-1].headers


def test_validators_are_of_one_url(world: World) -> None:
    feed, other = (world.feed(name, faults.good(GOOD)) for name in ("mine", "other"))
    world.update(feed)
    world.update(replace(feed, urls=other.urls))
    assert "if-none-match" not in world.server.asked[-1].headers


def test_headers_that_contradict_each_other_are_not_kept(world: World) -> None:
    twice = ('ETag: "a"', 'ETag: "b"', "Content-Type: text/plain", "Content-Type: text/html")
    feed = world.feed("mine", says(GOOD, *twice, "Last-Modified: Tue, 24 Nov 2026 03:00:00 GMT"))
    assert world.update(feed)[0].state is FRESH
    assert world.update(feed)[0].state is UNCHANGED
    headers = world.server.asked[-1].headers
    assert "if-none-match" not in headers
    assert headers["if-modified-since"] == "Tue, 24 Nov 2026 03:00:00 GMT"


def test_tries_again_where_that_may_help(world: World) -> None:
    busy = says(b"", "Retry-After: 0", status="503 Busy")
    once = says(b"", status="500 Oops")
    for name, first in (("busy", busy), ("once", once), ("cut", faults.hangs_up(GOOD))):
        feed = world.feed(name, faults.in_turn(first, says(GOOD)))
        assert world.update(feed)[0].state is FRESH, name
    gone = world.feed("gone", faults.in_turn(faults.not_found, says(GOOD)))
    assert world.update(gone)[0].state is FAILED, "404 is an answer"


def test_mirrors_in_order(world: World) -> None:
    bad, good = world.feed("bad", faults.not_found), world.feed("good", says(GOOD))
    feed = replace(good, urls=(*bad.urls, *good.urls))
    assert world.update(feed)[0].state is FRESH
    (outcome,) = world.update(replace(good, urls=(*bad.urls, "/no/such/file")))
    assert (
        outcome.cause
        == f"{bad.urls[0]}: the server answers 404 Not Found; /no/such/file: no such file"
    )


def test_a_server_that_asks_to_wait_is_left_alone(world: World) -> None:
    later = says(b"", "Retry-After: 7200", status="429 Slow Down")
    feed = world.feed("mine", faults.in_turn(faults.good(GOOD), later))
    world.update(feed)
    assert world.update(feed)[0].state is FAILED
    asked = len(world.server.asked)
    (outcome,) = world.update(feed)
    assert (outcome.state, len(world.server.asked)) == (FAILED, asked)
    assert "its server accepts no request until 2" in (outcome.cause or "")
    world.update(feed, named=True)
    assert len(world.server.asked) == asked + 1, "who names it wants it"


def test_an_interval_is_kept(world: World) -> None:
    feed = world.feed("mine", says(GOOD), interval="6h")
    header = world.feed("header", says(b"! Expires: 2 days\n" + GOOD))
    world.update(feed, header)
    asked = len(world.server.asked)
    outcomes = world.update(feed, header)
    assert {outcome.state for outcome in outcomes} == {UNCHANGED}
    assert all((outcome.note or "").startswith("not due until 2") for outcome in outcomes)
    assert len(world.server.asked) == asked
    world.update(replace(feed, format="hosts"), named=False)
    assert len(world.server.asked) == asked + 1, "what is read otherwise is wanted now"
    world.update(feed, header, named=True)
    assert len(world.server.asked) == asked + 3


def aged(world: World, name: str, column: str, by: timedelta) -> None:
    with (
        open_ledger_writer(world.config.database, "test") as book,
        book.transaction() as transaction,
    ):
        moment = format_timestamp(datetime.now(UTC) - by)
        transaction.execute(f"UPDATE feed SET {column} = ? WHERE name = ?", moment, name)


def test_a_feed_that_fails_for_long_is_stale(world: World) -> None:
    for name, play in (("gone", faults.not_found), ("page", says(b"<html>"))):
        feed = world.feed(name, faults.in_turn(says(GOOD), play), interval="6h")
        world.update(feed)
        aged(world, name, "good_at", timedelta(hours=17))
        assert world.update(feed)[0].state in (FAILED, REFUSED), "not yet"
        aged(world, name, "good_at", timedelta(hours=19))
        (outcome,) = world.update(feed)
        assert outcome.state.value == "stale"
        assert outcome.note == "last good 19 hours ago"
        assert world.in_force(name) == sorted(NAMES)


def test_slow_loss_shows_against_what_is_usual(world: World) -> None:
    counts = (2000, 2000, 2000, 1200, 800)
    bodies = ["\n".join(NAMES[:count]).encode() + b"\n#%d" % n for n, count in enumerate(counts)]
    feed = world.feed("mine", faults.in_turn(*map(says, bodies)))
    # The comment differs, so each is a snapshot of its own.
    states = [world.update(feed)[0].state for _ in bodies]
    assert states == [FRESH, FRESH, FRESH, FRESH, REFUSED]
    assert world.update(replace(feed, max_shrink=0.9))[0].state is FRESH
    feed = world.feed("mine", says("\n".join(NAMES[:700]).encode()))
    assert world.update(feed)[0].state is FRESH, "what somebody meant is usual from then on"


def test_digests(world: World) -> None:
    body = gzip.compress(GOOD)
    other, right = "0" * 64, hashlib.sha256(body).hexdigest()
    feed = world.feed("mine", faults.good(body))
    name = feed.urls[0].rpartition("/")[2]
    sums = (
        f"{other}  other.txt\n{right}  {name}\n",
        f"{other}  all-{name}\n{other}  {name}.gz\n{right} *./{name}\n",
        f"SHA256 (all-{name}) = {other}\nSHA256 ({name}) = {right}\n",
    )
    beside = [world.feed(f"sums{n}", says(text.encode())) for n, text in enumerate(sums)]
    good = (hashlib.sha256(GOOD).hexdigest().upper(), *(one.urls[0] for one in beside))
    for sha256 in good:
        assert world.update(replace(feed, sha256=sha256))[0].is_good
    for asked in (False, True):
        assert world.update(replace(feed, sha256=right))[0].is_good
        headers = world.server.asked[-1].headers
        assert ("if-none-match" in headers) == asked, "as long as it must be the same"
    (outcome,) = world.update(replace(feed, sha256="0" * 64))
    assert (outcome.state, outcome.cause) == (
        REFUSED,
        f"{feed.urls[0]}: its SHA-256 is not the one of feeds.mine.sha256",
    )


def test_who_we_are_and_what_we_take(world: World) -> None:
    world.update(world.feed("mine", says(GOOD)))
    headers = world.server.asked[-1].headers
    assert headers["user-agent"] == USER_AGENT
    assert headers["accept-encoding"] == "gzip, br, zstd"


SECRET = "s3cr3t-of-the-office"


def test_secrets_are_sent_and_never_said(
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("OUR_TOKEN", SECRET)
    (tmp_path / "token").write_text(f"{SECRET}\n")
    feed = world.feed("mine", says(b"", status="403 Forbidden"))
    (url,) = feed.urls
    causes = []
    for changes, header, value in (
        ({"token_env": "OUR_TOKEN"}, "authorization", f"Bearer {SECRET}"),
        ({"token_file": str(tmp_path / "token")}, "authorization", f"Bearer {SECRET}"),
        ({"headers": ("Auth-Key: $OUR_TOKEN",)}, "auth-key", SECRET),
        ({"urls": (url.replace("//", f"//me:{SECRET}@"),)}, "authorization", "Basic "),
        ({"urls": (f"{url}?key={SECRET}",)}, "accept", "*/*"),
        ({"urls": (f"{url}?key={{token}}",), "token_env": "OUR_TOKEN"}, "accept", "*/*"),
    ):
        (outcome,) = world.update(replace(feed, **changes))
        assert world.server.asked[-1].headers[header].startswith(value), changes
        causes.append(outcome.cause)
    assert all(cause and SECRET not in cause for cause in causes), causes
    assert SECRET not in caplog.text
    assert SECRET.encode() not in world.config.database.read_bytes()


def test_secrets_that_are_missing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH", raising=False)
    monkeypatch.setenv("TWO_LINES", f"{SECRET}\r\nX-Evil: 1")
    feed = world.feed("mine", says(GOOD))
    for changes, cause in (
        ({"token_env": "NO_SUCH"}, "needs the environment variable NO_SUCH, which is not set"),
        ({"token_file": "/no/such"}, "feeds.mine.token_file: /no/such cannot be read"),
        (
            {"headers": ("Auth-Key",)},
            "headers: expected texts such as 'Auth-Key: $NAME'",
        ),
        ({"token_env": "TWO_LINES"}, "TWO_LINES: expected one line of plain ASCII"),
    ):
        (outcome,) = world.update(replace(feed, **changes))
        assert (outcome.state, cause in (outcome.cause or "")) == (FAILED, True), outcome
    assert not world.server.asked


def test_secrets_stay_with_the_feeds_own_server(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUR_TOKEN", SECRET)
    world.feed("end", says(GOOD))
    end = world.feed("end", says(GOOD)).urls[0].rpartition("/")[2]
    onward = world.server.url(f"/{end}", "https")
    feed = world.feed("mine", faults.redirect(lambda _: onward), token_env="OUR_TOKEN")
    assert world.update(feed)[0].state is FRESH
    first, second = world.server.asked[-2:]
    assert ("authorization" in first.headers, "authorization" in second.headers) == (True, False)


def test_a_proxy_of_the_environment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = world.feed("mine", says(GOOD))
    world.server.plays["http://lists.example/mine"] = says(GOOD)
    monkeypatch.setenv("http_proxy", world.server.url("", host="127.0.0.1"))
    monkeypatch.setenv("no_proxy", "127.0.0.2")
    assert world.update(replace(feed, urls=("http://lists.example/mine",)))[0].state is FRESH
    assert world.server.asked[-1].path == "http://lists.example/mine"
    assert world.update(feed)[0].is_good, "and who needs none goes straight"
    assert world.server.asked[-1].path.startswith("/")


def test_a_page_that_is_a_list_after_all(world: World) -> None:
    html = "Content-Type: text/html; charset=utf-8"
    assert world.update(world.feed("mine", says(GOOD, html)))[0].state is FRESH
    doubtful = GOOD + b"what is this?\n" * 500
    (outcome,) = world.update(world.feed("other", says(doubtful, html)))
    assert (outcome.cause or "").startswith("sent as a web page (text/html), and only 80% of")


def test_a_guard_may_list_its_own_host(world: World) -> None:
    play = says(b"127.0.0.2\n" + GOOD)
    assert world.update(world.feed("mine", play, guard=GuardClass.POPULAR))[0].state is FRESH
    assert world.update(world.feed("other", play))[0].state is REFUSED


def test_the_door_for_one_url(world: World) -> None:
    feed = world.feed("mine", says(gzip.compress(GOOD)))
    assert fetch_bytes(feed.urls) == GOOD
    with pytest.raises(FetchError, match=r": the server answers 404 Not Found$"):
        fetch_bytes((world.server.url("/nothing"),))


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("9.9.9.9", True),
        ("2620:fe::fe", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.100.100.200", False),
        ("168.63.129.16", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00:ec2::254", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:9.9.9.9", True),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public_address(address) is public


@pytest.mark.parametrize(
    ("own", "onward", "allowed", "why"),
    [
        (["192.0.78.9"], "9.9.9.9", True, "from the internet to the internet"),
        (["10.0.0.5"], "10.0.0.5", True, "a server of your own that redirects to itself"),
        (["10.0.0.5"], "9.9.9.9", True, "or out"),
        (["10.0.0.5"], "10.0.0.6", False, "but not to its neighbour"),
        (["192.0.78.9"], "10.0.0.5", False, "from the internet into your network"),
        (["10.0.0.5", "192.0.78.9"], "10.0.0.5", False, "nor by a name that has both addresses"),
    ],
)
def test_where_a_redirect_may_lead(own: list[str], onward: str, allowed: bool, why: str) -> None:
    reach = SsrfGuard()
    for address in own:
        reach.check(address)
    reach.is_redirected = True
    with nullcontext() if allowed else pytest.raises(PermissionError):
        reach.check(onward)
    assert reach.refused_address == (None if allowed else onward), why


def test_a_proxy_is_no_address_of_the_feeds_own() -> None:
    reach = SsrfGuard()
    reach.is_proxied = True
    reach.check("10.0.0.5")
    reach.is_proxied, reach.is_redirected = False, True
    with pytest.raises(PermissionError):
        reach.check("10.0.0.5")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/x", "https://a.example/x"),
        ("https://me:pw@a.example:8443/x?key=1#f", "https://a.example:8443/x?..."),
        ("/srv/list?.txt", "/srv/list?.txt"),
        ("https://[", "a URL that cannot be read"),
    ],
)
def test_urls_as_they_are_shown(url: str, expected: str) -> None:
    assert redact_url(url) == expected


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("! Expires: 4 days (update frequency)", 4 * 86400),
        ("# Expires: 12 hours", 12 * 3600),
        ("! Expires: 6h", 6 * 3600),
        ("! Expires: 2", 2 * 86400),
        ("! Expires: 5 minutes", 3600),
        ("! Expires: 365 days", 14 * 86400),
        ("! Expires: 0", None),
        ("! Expires: soon", None),
        ("expires.example", None),
    ],
)
def test_expires(header: str, seconds: int | None) -> None:
    assert parse_expires(f"[Adblock Plus]\n{header}\nx.example\n".encode()) == seconds


def test_the_exit_code_and_what_is_said(
    world: World, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = world.config.database.parent
    (folder / "blocklist.toml").write_text(
        "[collect]\ntries = 1\n"
        + "".join(
            f"[feeds.{name}]\nurl = '{world.feed(name, play).urls[0]}'\nformat = 'domains'\n"
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
    assert ": the server answers 404 Not Found; never fetched successfully" in err
    assert len(out.splitlines()) == 3


@pytest.mark.corpus
def test_the_corpus_over_http(world: World, corpus: Path) -> None:
    known = {name: file for name, file in corpus_files(corpus).items() if name not in NON_LISTS}
    guards = {name for name, file in known.items() if file.parent != corpus}
    feeds = [
        world.feed(
            name,
            faults.good(file.read_bytes()),
            format=format_of_file(file),
            guard=GuardClass.POPULAR if name in guards else None,
        )
        for name, file in known.items()
    ]
    # Real lists hold addresses of loopback, and no feed may list where it comes from.
    feeds = [
        replace(feed, urls=(feed.urls[0].replace("127.0.0.2", "localhost"),)) for feed in feeds
    ]
    world.config = replace(world.config, collect=CollectConfig())
    outcomes = world.update(*feeds)
    assert {outcome.feed: outcome.cause for outcome in outcomes if outcome.state is not FRESH} == {}
    assert world.server.body_bytes >= sum(file.stat().st_size for file in known.values())
    world.server.body_bytes = 0
    assert {outcome.state for outcome in world.update(*feeds)} == {UNCHANGED}
    assert world.server.body_bytes == 0, "not a byte of a body"
