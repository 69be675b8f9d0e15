"""Feeds behind a local HTTP server, with short timeouts and a ledger."""

import datetime
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from blocklist.collect.outcome import UpdateOutcome
from blocklist.collect.update import update_feeds
from blocklist.config.feeds import Feed
from blocklist.config.loader import Config
from blocklist.config.sections import CollectConfig
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import open_ledger_writer
from blocklist.ledger.feeds.listings import load_listings
from blocklist.model import FeedState
from tests.support import fault_server as faults
from tests.support.fault_server import FaultServer, Play

FRESH, UNCHANGED = FeedState.FRESH, FeedState.UNCHANGED
REFUSED, FAILED = FeedState.REFUSED, FeedState.FAILED
NAMES = [f"n{number}.example" for number in range(2000)]
GOOD = "\n".join(NAMES).encode() + b"\n"
CAP = 20_000_000
QUICK = CollectConfig(
    connect_timeout=0.5, read_timeout=1.0, total_timeout=5.0, tries=2, backoff=0.01, max_wait=0.05,
    per_host=50, max_bytes=CAP,
)  # fmt: skip


class HttpFeeds:
    """A local HTTP server with feeds, and a ledger."""

    def __init__(self, server: FaultServer, folder: Path) -> None:
        self.server = server
        self.config = Config(None, folder / "x.db", collect=QUICK)

    def feed(self, name: str, play: Play, kind: str = "http", **changes: object) -> Feed:
        """Return a feed whose URL the server answers with `play`."""
        path = f"/{abs(hash(name))}"
        self.server.plays[path] = play
        feed = Feed(name, (self.server.url(path, kind),), "domains", enabled=True)
        return replace(feed, **changes)  # type: ignore[arg-type]

    def update(self, *feeds: Feed, ignore_schedule: bool = False) -> list[UpdateOutcome]:
        """Update feeds in one run and return the outcomes."""
        reported: list[UpdateOutcome] = []
        with open_ledger_writer(self.config.database, "update") as writer:
            outcomes = update_feeds(
                self.config, writer, list(feeds), reported.append, ignore_schedule=ignore_schedule
            )
        assert sorted(reported, key=str) == sorted(outcomes, key=str)
        return outcomes

    def in_force(self, feed: str) -> list[str]:
        """Return the values that a feed lists now, sorted."""
        with read_transaction(self.config.database) as transaction:
            return sorted(load_listings(transaction, [feed])["value"])


@pytest.fixture(scope="module")
def tls_contexts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, ssl.SSLContext]]:
    """Give TLS contexts with a valid, an expired and a self-signed certificate."""
    authority = trustme.CA()
    trusted = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(trusted))
    contexts = {kind: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) for kind in TLS}
    for kind, context in contexts.items():
        TLS[kind](authority, context)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(trusted))
        yield contexts


def valid(authority: trustme.CA, context: ssl.SSLContext) -> None:
    authority.issue_cert("127.0.0.2").configure_cert(context)


def expired(authority: trustme.CA, context: ssl.SSLContext) -> None:
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    authority.issue_cert("127.0.0.2", not_after=past).configure_cert(context)


def self_signed(authority: trustme.CA, context: ssl.SSLContext) -> None:
    other_authority = trustme.CA()
    with (
        other_authority.cert_pem.tempfile() as cert,
        other_authority.private_key_pem.tempfile() as key,
    ):
        context.load_cert_chain(cert, key)


TLS = {"https": valid, "expired": expired, "self-signed": self_signed}


@pytest.fixture
def http_feeds(tls_contexts: dict[str, ssl.SSLContext], tmp_path: Path) -> Iterator[HttpFeeds]:
    """Give feeds behind a running server."""
    with faults.running(FaultServer(), tls_contexts) as server:
        yield HttpFeeds(server, tmp_path)
