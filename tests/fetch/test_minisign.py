"""Signed lists: only a list that the key signed is accepted."""

import gzip
import hashlib
import subprocess
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from blocklist.config.feeds import Feed, build_feed
from blocklist.config.sections import CollectConfig
from blocklist.errors import ConfigError
from blocklist.fetch.fetch import fetch_feed
from blocklist.fetch.minisign import parse_signature, verify_signature
from blocklist.fetch.types import ContentRefused, FetchError
from blocklist.model import FeedState
from tests.support import fault_server as faults
from tests.support.examples import at_most
from tests.support.fault_server import Play, says
from tests.support.http_feeds import GOOD, NAMES, HttpFeeds
from tests.support.minisign_keys import Signer

OURS = Signer()
NAMESAKE = Signer(SigningKey(b"o" * 32))
OTHER = Signer(SigningKey(b"o" * 32), b"87654321")
PACKED = gzip.compress(GOOD)
SIGNED = OURS.sign(GOOD)


def signed(http_feeds: HttpFeeds, body: Play, signature: Play) -> Feed:
    """Return a feed whose list and signature the server answers with."""
    feed = http_feeds.feed("mine", body, minisign=OURS.public)
    http_feeds.server.plays[f"{urlsplit(feed.urls[0]).path}.minisig"] = signature
    return feed


def verify(text: bytes, key: str = OURS.public, body: bytes = GOOD) -> None:
    digest = hashlib.blake2b(body).hexdigest()
    verify_signature(key, parse_signature(text), frozenset([digest]), lambda: body)


@pytest.mark.parametrize(
    ("signature", "why"),
    [
        (SIGNED, "as minisign signs since 0.10"),
        (OURS.sign(GOOD, legacy=True), "as it signed before"),
        (SIGNED.replace(b"\n", b"\r\n"), "edited on Windows"),
        (OURS.sign(GOOD, comment="grüße".encode()), "any comment"),
    ],
)
def test_signed(signature: bytes, why: str) -> None:
    verify(signature)


@pytest.mark.parametrize(
    ("signature", "cause", "why"),
    [
        (OURS.sign(GOOD + b"x.top\n"), "is not of this list", "of another list"),
        (OURS.sign(b"", legacy=True), "is not of this list", "of another, as before"),
        (OTHER.sign(GOOD), "is by another key", "of somebody else"),
        (NAMESAKE.sign(GOOD), "trusted comment that was not signed", "who takes our name"),
        (SIGNED.replace(b"made up", b"made by"), "trusted comment that was not", "rewritten"),
        (SIGNED.replace(b"\nRU", b"\nRV"), "is no minisign signature", "of a kind to come"),
        (SIGNED.replace(b"=", b"!"), "is no minisign signature", "no Base64"),
        (SIGNED[:60], "is no minisign signature", "cut off"),
        (b"<html>", "is no minisign signature", "a page"),
        (b"", "is no minisign signature", "nothing"),
    ],
)
def test_not_signed(signature: bytes, cause: str, why: str) -> None:
    with pytest.raises(ContentRefused, match=cause):
        verify(signature)


@at_most(50)
@given(place=st.integers(0, len(SIGNED)), junk=st.binary(max_size=8))
def test_any_damage_is_seen(place: int, junk: bytes) -> None:
    damaged = SIGNED[:place] + junk + SIGNED[place + len(junk) :]
    try:
        same = parse_signature(damaged) == parse_signature(SIGNED)
    except ContentRefused:
        return
    if same:  # the first comment, which nobody signs; a line end; bits that Base64 has no use for
        return
    with pytest.raises(ContentRefused):
        verify(damaged)


@pytest.mark.parametrize(
    ("body", "signature", "why"),
    [
        (says(GOOD), SIGNED, "as it is"),
        (says(PACKED, "Content-Encoding: gzip"), SIGNED, "packed on the way only"),
        (says(PACKED), OURS.sign(PACKED), "a packed file is signed as it is published"),
    ],
)
def test_a_signed_list(http_feeds: HttpFeeds, body: Play, signature: bytes, why: str) -> None:
    (outcome,) = http_feeds.update(signed(http_feeds, body, says(signature)))
    assert (outcome.state, outcome.entries) == (FeedState.FRESH, len(NAMES)), (why, outcome)


@pytest.mark.parametrize(
    ("signature", "cause"),
    [
        (says(SIGNED), ".minisig is not of this list"),
        (faults.not_found, "its signature cannot be fetched: "),
    ],
)
def test_a_list_that_is_not_signed_is_refused(
    http_feeds: HttpFeeds, signature: Play, cause: str
) -> None:
    http_feeds.update(signed(http_feeds, says(GOOD), says(SIGNED)))
    (outcome,) = http_feeds.update(signed(http_feeds, says(GOOD + b"x.top\n"), signature))
    assert (outcome.state, cause in (outcome.cause or "")) == (FeedState.REFUSED, True), outcome
    assert http_feeds.in_force("mine") == sorted(NAMES)


def test_a_mirror_may_have_what_another_has_lost(http_feeds: HttpFeeds) -> None:
    good = signed(http_feeds, says(GOOD), says(SIGNED))
    bad = http_feeds.feed("bad", says(GOOD + b"x.top\n"))
    (outcome,) = http_feeds.update(replace(good, urls=(*bad.urls, *good.urls)))
    assert (outcome.state, outcome.entries) == (FeedState.FRESH, len(NAMES))


def test_a_new_key_is_no_reason_to_believe_what_was_had(http_feeds: HttpFeeds) -> None:
    feed = signed(http_feeds, faults.good(GOOD), says(SIGNED))
    assert http_feeds.update(replace(feed, minisign=""))[0].is_good
    assert http_feeds.update(replace(feed, minisign=OTHER.public))[0].state is FeedState.REFUSED
    assert "if-none-match" not in http_feeds.server.asked[-2].headers


def test_files_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(GOOD)
    (tmp_path / "elsewhere").write_bytes(SIGNED)
    feed = Feed("mine", (str(tmp_path / "list"),), "domains", minisign=OURS.public)
    with pytest.raises(FetchError, match=r"list\.minisig: no such file"):
        fetch_feed(feed, CollectConfig())
    named = replace(feed, signature=str(tmp_path / "elsewhere"))
    assert fetch_feed(named, CollectConfig()).body == GOOD


def test_secrets_stay_with_the_feeds_own_server(
    http_feeds: HttpFeeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUR_TOKEN", "s3cr3t")
    feed = replace(signed(http_feeds, says(GOOD), says(SIGNED)), token_env="OUR_TOKEN")
    http_feeds.server.plays["/signature"] = says(SIGNED)
    elsewhere = http_feeds.server.url("/signature", host="127.0.0.3")
    assert http_feeds.update(replace(feed, signature=elsewhere))[0].is_good
    first, second = http_feeds.server.asked[-2:]
    assert ("authorization" in first.headers, "authorization" in second.headers) == (True, False)
    assert http_feeds.update(feed)[0].is_good
    assert http_feeds.server.asked[-1].headers["authorization"] == "Bearer s3cr3t"


def test_a_key_is_looked_at_before_anything_is_fetched() -> None:
    table = {"url": "https://lists.example/x", "format": "domains", "minisign": "RWQ"}
    with pytest.raises(ConfigError, match=r"x\.toml: minisign: expected the second line of a mini"):
        build_feed("x", table, "x.toml: ")


@pytest.mark.e2e("minisign")
@pytest.mark.parametrize("way", [(), ("-l",)])
def test_what_minisign_itself_signs(tmp_path: Path, way: tuple[str, ...]) -> None:
    (tmp_path / "list").write_bytes(GOOD)

    def run(*words: str) -> None:
        subprocess.run(["minisign", *words], cwd=tmp_path, check=True, capture_output=True)

    run("-G", "-W", "-p", "key.pub", "-s", "key")
    run("-S", *way, "-s", "key", "-m", "list", "-t", "made for a test")
    key = (tmp_path / "key.pub").read_text().splitlines()[1]
    table = {"url": str(tmp_path / "list"), "format": "domains", "minisign": key}
    assert fetch_feed(build_feed("mine", table, ""), CollectConfig()).body == GOOD
    (tmp_path / "list").write_bytes(GOOD + b"x.top\n")
    with pytest.raises(FetchError, match=r"list\.minisig is not of this list$"):
        fetch_feed(build_feed("mine", table, ""), CollectConfig())


@pytest.mark.e2e("minisign")
def test_minisign_believes_what_the_tests_sign(tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(GOOD)
    (tmp_path / "list.minisig").write_bytes(SIGNED)
    command = ["minisign", "-V", "-P", OURS.public, "-m", "list"]
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert "Signature and comment signature verified" in done.stdout, done
