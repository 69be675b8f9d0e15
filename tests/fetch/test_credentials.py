"""Credentials: they reach the feed's own server, and no message, log or database."""

import logging
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from blocklist.fetch.credentials import redact_url
from tests.support import fault_server as faults
from tests.support.fault_server import says
from tests.support.http_feeds import (
    FAILED,
    FRESH,
    GOOD,
    HttpFeeds,
)

SECRET = "s3cr3t-of-the-office"


def test_secrets_are_sent_and_never_said(
    http_feeds: HttpFeeds,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("OUR_TOKEN", SECRET)
    (tmp_path / "token").write_text(f"{SECRET}\n")
    feed = http_feeds.feed("mine", says(b"", status="403 Forbidden"))
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
        (outcome,) = http_feeds.update(replace(feed, **changes))
        assert http_feeds.server.asked[-1].headers[header].startswith(value), changes
        causes.append(outcome.cause)
    assert all(cause and SECRET not in cause for cause in causes), causes
    assert SECRET not in caplog.text
    assert SECRET.encode() not in http_feeds.config.database.read_bytes()


def test_secrets_that_are_missing(http_feeds: HttpFeeds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH", raising=False)
    monkeypatch.setenv("TWO_LINES", f"{SECRET}\r\nX-Evil: 1")
    feed = http_feeds.feed("mine", says(GOOD))
    for changes, cause in (
        ({"token_env": "NO_SUCH"}, "needs the environment variable NO_SUCH, which is not set"),
        ({"token_file": "/no/such"}, "feeds.mine.token_file: /no/such cannot be read"),
        (
            {"headers": ("Auth-Key",)},
            "headers: expected texts such as 'Auth-Key: $NAME'",
        ),
        ({"token_env": "TWO_LINES"}, "TWO_LINES: expected one line of plain ASCII"),
    ):
        (outcome,) = http_feeds.update(replace(feed, **changes))
        assert (outcome.state, cause in (outcome.cause or "")) == (FAILED, True), outcome
    assert not http_feeds.server.asked


def test_secrets_stay_with_the_feeds_own_server(
    http_feeds: HttpFeeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUR_TOKEN", SECRET)
    http_feeds.feed("end", says(GOOD))
    end = http_feeds.feed("end", says(GOOD)).urls[0].rpartition("/")[2]
    onward = http_feeds.server.url(f"/{end}", "https")
    feed = http_feeds.feed("mine", faults.redirect(lambda _: onward), token_env="OUR_TOKEN")
    # The server's ports stand for 80 and 443, for no other port of a private address is followed.
    ports = frozenset(urlsplit(url).port for url in (feed.urls[0], onward))
    monkeypatch.setattr("blocklist.fetch.ssrf._WEB_PORTS", ports)
    assert http_feeds.update(feed)[0].state is FRESH
    first, second = http_feeds.server.asked[-2:]
    assert ("authorization" in first.headers, "authorization" in second.headers) == (True, False)


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
