"""Over HTTP: whatever a server does, a bad download never becomes the list."""

import datetime
import gzip
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import trustme

from blocklist.collect.outcome import UpdateOutcome
from blocklist.collect.snapshot_files import feed_file_path
from blocklist.collect.update import update_feeds
from blocklist.config.feeds import Feed
from blocklist.config.loader import Config
from blocklist.config.sections import CollectConfig
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import open_ledger_writer
from blocklist.ledger.feeds.listings import load_listings
from blocklist.model import FeedState
from tests.support import fault_server as faults
from tests.support.fault_server import FaultServer, Play, says

FRESH, UNCHANGED = FeedState.FRESH, FeedState.UNCHANGED
REFUSED, FAILED = FeedState.REFUSED, FeedState.FAILED
NAMES = [f"n{number}.example" for number in range(2000)]
GOOD = "\n".join(NAMES).encode() + b"\n"
CAP = 20_000_000
QUICK = CollectConfig(
    connect_timeout=0.5, read_timeout=0.3, total_timeout=1.0, tries=2, backoff=0.01, max_wait=0.05,
    per_host=50, max_bytes=CAP,
)  # fmt: skip
HALF = b"".join(b"%s\nno name %d!\n" % (name.encode(), n) for n, name in enumerate(NAMES))
METADATA = "http://169.254.169.254/latest/meta-data/"


@dataclass(frozen=True)
class Fault:
    """What a server plays once a good list is in force, and what must come of it."""

    play: Play
    state: FeedState
    cause: str
    kind: str = "http"
    #: Whether the body is there for a person to look at.
    kept: bool = False
    #: What it plays in between.
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
    "slow loris": Fault(faults.slow_loris, FAILED, "not finished within 1 s"),
    "silence": Fault(faults.silence, FAILED, "no data from the server for 0.3 s"),
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


class World:
    """A server, a ledger, and feeds that were all good once."""

    def __init__(self, server: FaultServer, folder: Path) -> None:
        self.server = server
        self.config = Config(None, folder / "x.db", collect=QUICK)

    def feed(self, name: str, play: Play, kind: str = "http", **changes: object) -> Feed:
        path = f"/{abs(hash(name))}"
        self.server.plays[path] = play
        feed = Feed(name, (self.server.url(path, kind),), "domains", enabled=True)
        return replace(feed, **changes)  # type: ignore[arg-type]

    def faulty(self, name: str, fault: Fault) -> tuple[Feed, Feed]:
        """Return a feed as it is at first, and as it is when the fault has come."""
        plays = (faults.good(GOOD), *([fault.before] if fault.before else []), fault.play)
        feed = self.feed(name, faults.in_turn(*plays), "http" if fault.kind == "http" else "https")
        path = feed.urls[0].rpartition("/")[2]
        return feed, replace(feed, urls=(self.server.url(f"/{path}", fault.kind),))

    def update(self, *feeds: Feed, named: bool = False) -> list[UpdateOutcome]:
        told: list[UpdateOutcome] = []
        with open_ledger_writer(self.config.database, "update") as book:
            outcomes = update_feeds(
                self.config, book, list(feeds), told.append, ignore_schedule=named
            )
        assert sorted(told, key=str) == sorted(outcomes, key=str)
        return outcomes

    def in_force(self, feed: str) -> list[str]:
        with read_transaction(self.config.database) as bulk:
            return sorted(load_listings(bulk, [feed])["value"])


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, ssl.SSLContext]]:
    ours = trustme.CA()
    trusted = tmp_path_factory.mktemp("ca") / "ca.pem"
    ours.cert_pem.write_to_path(str(trusted))
    made = {kind: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) for kind in TLS}
    for kind, context in made.items():
        TLS[kind](ours, context)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(trusted))
        yield made


def valid(ours: trustme.CA, context: ssl.SSLContext) -> None:
    ours.issue_cert("127.0.0.2").configure_cert(context)


def expired(ours: trustme.CA, context: ssl.SSLContext) -> None:
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    ours.issue_cert("127.0.0.2", not_after=past).configure_cert(context)


def self_signed(ours: trustme.CA, context: ssl.SSLContext) -> None:
    theirs = trustme.CA()
    with theirs.cert_pem.tempfile() as cert, theirs.private_key_pem.tempfile() as key:
        context.load_cert_chain(cert, key)


TLS = {"https": valid, "expired": expired, "self-signed": self_signed}


@pytest.fixture
def world(contexts: dict[str, ssl.SSLContext], tmp_path: Path) -> Iterator[World]:
    with faults.running(FaultServer(), contexts) as server:
        yield World(server, tmp_path)


@dataclass(frozen=True)
class Played:
    """What came of a fault that was played along with all others, beside good feeds."""

    outcome: UpdateOutcome
    before: list[str]
    after: list[str]
    kept: bool
    #: What it was asked with the next time.
    again: dict[str, str]


FINE = [f"fine {number}" for number in range(3)]


@pytest.fixture(scope="module")
def world_of_faults(
    contexts: dict[str, ssl.SSLContext], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    with faults.running(FaultServer(), contexts) as server:
        yield World(server, tmp_path_factory.mktemp("faults"))


@pytest.fixture(scope="module")
def played(world_of_faults: World) -> dict[str, Played]:
    world = world_of_faults
    pairs = {name: world.faulty(name, fault) for name, fault in FAULTS.items()}
    fine = [world.feed(name, faults.good(GOOD)) for name in FINE]
    first = world.update(*(well for well, _ in pairs.values()), *fine)
    assert {outcome.state for outcome in first} == {FRESH}
    before = {name: world.in_force(name) for name in pairs}
    doubtful = world.update(*(pairs[name][0] for name, fault in FAULTS.items() if fault.before))
    assert not any(outcome.is_good for outcome in doubtful)
    outcomes = world.update(*(ill for _, ill in pairs.values()), *fine)
    assert [outcome.feed for outcome in outcomes] == [*pairs, *FINE], "in their order"
    assert {outcome.state for outcome in outcomes[len(pairs) :]} == {UNCHANGED}
    seen = {
        name: (world.in_force(name), feed_file_path(world.config.database, name).exists())
        for name in pairs
    }
    refused = [pairs[name][1] for name, fault in FAULTS.items() if fault.state is REFUSED]
    world.update(*refused, named=True)
    asked = {each.path: each.headers for each in world.server.asked}
    paths = {name: f"/{ill.urls[0].rpartition('/')[2]}" for name, (_, ill) in pairs.items()}
    return {
        outcome.feed: Played(
            outcome, before[outcome.feed], *seen[outcome.feed], asked.get(paths[outcome.feed], {})
        )
        for outcome in outcomes[: len(pairs)]
    }


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault(played: dict[str, Played], name: str) -> None:
    fault, came = FAULTS[name], played[name]
    cause = came.outcome.cause or ""
    assert (came.outcome.state, fault.cause in cause) == (fault.state, True), came.outcome
    assert "\n" not in cause
    assert came.after == came.before == sorted(NAMES)
    assert came.outcome.entries == len(NAMES)
    assert came.kept == fault.kept
    if fault.state is REFUSED:
        assert "if-none-match" not in came.again, "forgotten"


def test_a_redirect_into_a_private_network_is_not_followed(
    played: dict[str, Played], world_of_faults: World
) -> None:
    assert played
    assert "/secret" not in world_of_faults.server.counts, "never asked"
