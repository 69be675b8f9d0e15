"""Faults of HTTP servers, and what must come of each."""

import gzip
from dataclasses import dataclass, replace

from blocklist.config.feeds import Feed
from blocklist.model import FeedState
from tests.support import fault_server as faults
from tests.support.fault_server import Play, says
from tests.support.http_feeds import FAILED, GOOD, NAMES, REFUSED, HttpFeeds

HALF = b"".join(b"%s\nno name %d!\n" % (name.encode(), n) for n, name in enumerate(NAMES))
METADATA = "http://169.254.169.254/latest/meta-data/"


@dataclass(frozen=True)
class Fault:
    """A fault of a server after a good list was accepted, and the expected outcome."""

    play: Play
    state: FeedState
    cause: str
    kind: str = "http"
    #: Whether the refused body is stored.
    kept: bool = False
    #: An answer before the fault.
    before: Play | None = None


FAULTS = {
    "HTML with status 200": Fault(
        says(b"<!DOCTYPE html><title>Log in</title>", "Content-Type: text/html"),
        REFUSED, "a web page, not a list", kept=True,
    ),
    "empty with status 200": Fault(says(b""), REFUSED, "empty: 0 bytes of content"),
    "304 after garbage": Fault(
        faults.always_unchanged, FAILED, "answers 304 to a request without conditions",
        before=says(b"<html>", 'ETag: "garbage"'), kept=True,
    ),
    "403": Fault(says(b"no", status="403 Forbidden"), FAILED, "the server answers 403 Forbidden"),
    "404": Fault(faults.not_found, FAILED, "the server answers 404 Not Found"),
    "429 without Retry-After": Fault(
        says(b"", status="429 Too Many Requests"), FAILED, "answers 429 Too Many Requests"
    ),
    "429 with Retry-After": Fault(
        says(b"", "Retry-After: 7200", status="429 Too Many Requests"), FAILED, "answers 429"
    ),
    "500": Fault(says(b"", status="500 Oops"), FAILED, "the server answers 500 Oops"),
    "JSON with an error": Fault(
        says(b'{"error": "quota exceeded"}', "Content-Type: application/json"),
        REFUSED, 'not a list; it begins with {"error": "quota exceeded"}', kept=True,
    ),
    "slow loris": Fault(faults.slow_loris, FAILED, "not finished within 5 s"),
    "silence": Fault(faults.silence, FAILED, "no data from the server for 1 s"),
    "endless body": Fault(faults.endless, REFUSED, "more than 20,000,000 bytes, which no list has"),
    "length over the cap": Fault(
        faults.claims_too_much, REFUSED, "10,000,000,000 bytes, more than the 20,000,000"
    ),
    "gzip bomb": Fault(
        says(faults.bomb(19_000_000), "Content-Encoding: gzip"),
        REFUSED, "unpacks to more than 200 times its size",
    ),
    "gzip bomb over the cap": Fault(
        says(gzip.compress(GOOD * 800, 1)), REFUSED, "unpacks to more than 20,000,000 bytes"
    ),
    "truncated gzip": Fault(
        says(gzip.compress(GOOD)[:-500], "Content-Encoding: gzip"),
        REFUSED, "cut off: its gzip data ends too early",
    ),
    "wrong Content-Length": Fault(
        faults.wrong_length(GOOD), FAILED, "the connection ended before the list did"
    ),
    "duplicate Content-Length": Fault(
        faults.two_lengths(GOOD), FAILED, "the server does not speak HTTP as it should"
    ),
    "redirect loop": Fault(
        faults.redirect(lambda asked: asked.path), FAILED, "redirects in a loop"
    ),
    "redirects without end": Fault(
        faults.redirect(lambda asked: f"{asked.path}?{asked.times}"),
        FAILED, "redirects",
    ),
    "redirect to 127.0.0.1": Fault(
        faults.redirect(lambda asked: f"http://127.0.0.1:{asked.port}/secret"),
        FAILED, "leads to 127.0.0.1, which is not a public address",
    ),
    "redirect to localhost": Fault(
        faults.redirect(lambda asked: f"http://localhost:{asked.port}/secret"),
        FAILED, "which is not a public address",
    ),
    "redirect to 127.0.0.1 in disguise": Fault(
        faults.redirect(lambda asked: f"http://0x7f.1:{asked.port}/secret"),
        FAILED, "leads to 127.0.0.1, which is not a public address",
    ),
    "redirect to the metadata address": Fault(
        faults.redirect(lambda _: METADATA),
        FAILED, "leads to 169.254.169.254, which is not a public address",
    ),
    "redirect to a file": Fault(
        faults.redirect(lambda _: "file:///etc/passwd"), FAILED, "redirects to a non-web address"
    ),
    "redirect from https to http": Fault(
        faults.redirect(lambda _: "http://127.0.0.2/"),
        FAILED, "redirects from https to http", kind="https",
    ),
    "self-signed TLS": Fault(
        says(GOOD + b"x.example\n"), FAILED, "its TLS certificate cannot be trusted: self",
        kind="self-signed",
    ),
    "expired TLS": Fault(
        says(GOOD + b"x.example\n"), FAILED,
        "its TLS certificate cannot be trusted: certificate has expired", kind="expired",
    ),
    "dropped in mid-body": Fault(faults.hangs_up(GOOD), FAILED, "the connection"),
    "UTF-16 without a mark": Fault(
        says(GOOD.decode().encode("utf-16-le")),
        REFUSED, "UTF-16 without a byte order mark", kept=True,
    ),
    "NULs": Fault(
        says(GOOD + b"\0" * 4096), REFUSED, "damaged: a NUL at byte 26,890", kept=True
    ),
    "half of it garbage": Fault(
        says(HALF), REFUSED, "only 50% of 4,000 lines can be read as domains", kept=True
    ),
    "shrinks by 90 %": Fault(
        says("\n".join(NAMES[:200]).encode()),
        REFUSED, "shrank from 2,000 to 200 entries", kept=True,
    ),
    "grows by 20 times": Fault(
        says("".join(f"g{n}.example\n" for n in range(40_000)).encode()),
        REFUSED, "grew from 2,000 to 40,000 entries", kept=True,
    ),
    "lists its own host": Fault(
        says(GOOD + b"127.0.0.2\n"), REFUSED, "lists 127.0.0.2, the host it is fetched from",
        kept=True,
    ),
}  # fmt: skip


def add_faulty_feed(feeds: HttpFeeds, name: str, fault: Fault) -> tuple[Feed, Feed]:
    """Return a feed as it is at first, and as it is when the fault has come."""
    plays = (faults.good(GOOD), *([fault.before] if fault.before else []), fault.play)
    feed = feeds.feed(name, faults.in_turn(*plays), "http" if fault.kind == "http" else "https")
    path = feed.urls[0].rpartition("/")[2]
    return feed, replace(feed, urls=(feeds.server.url(f"/{path}", fault.kind),))
