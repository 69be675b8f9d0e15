"""A feed from Knot DNS: whole, as a difference, and only for who has the key."""

import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import dns.message
import pytest

from blocklist.collect.outcome import UpdateOutcome
from blocklist.collect.update import update_feeds
from blocklist.config.feeds import Feed, build_feed
from blocklist.config.loader import Config
from blocklist.ledger.db.writer import open_ledger_writer
from blocklist.model import FeedState
from tests.e2e.servers import answers, ask_over_udp, asker, free_port, running

pytestmark = pytest.mark.e2e("knotd")

SECRET = "czNjcjN0LW9mLXRoZS1vZmZpY2U="
OTHER = "YW5vdGhlci1zZWNyZXQ="
_KNOT = """
server:
    listen: 127.0.0.1@{port}
    rundir: "{folder}"
database:
    storage: "{folder}/db"
key:
  - id: office
    algorithm: hmac-sha512
    secret: {secret}
acl:
  - id: transfers
    key: office
    action: transfer
template:
  - id: default
    zonefile-load: difference-no-serial
    zonefile-sync: -1
    journal-content: all
zone:
  - domain: rpz.example
    file: "{folder}/zone"
    acl: transfers
log:
  - target: stderr
    any: info
"""
_HEAD = """$ORIGIN rpz.example.
@ 60 SOA ns root 1 60 60 600 60
@ 60 NS ns
ns 60 A 127.0.0.1
"""
NAMES = [f"n{number}.top" for number in range(3000)]


@dataclass
class Knot:
    """A server with a zone, and a ledger with a feed that is this zone."""

    folder: Path
    port: int
    config: Config
    server: "subprocess.Popen[bytes]"

    @property
    def feed(self) -> Feed:
        url = f"axfr://127.0.0.1:{self.port}/rpz.example"
        key = {"tsig": "hmac-sha512:office", "token_env": "OUR_KEY"}
        return build_feed("zone", {"url": url, "format": "rpz", **key}, "x.toml: ")

    def update(self, feed: Feed | None = None) -> UpdateOutcome:
        with open_ledger_writer(self.config.database, "update") as writer:
            (outcome,) = update_feeds(self.config, writer, [feed or self.feed], lambda _: None)
        return outcome

    def rewrite(self, names: list[str]) -> None:
        """Put other names into the zone, and wait until the server has them."""
        before = self.serial()
        write(self.folder, names)
        self.server.send_signal(signal.SIGHUP)
        until = time.monotonic() + 10
        while self.serial() == before:
            assert time.monotonic() < until, (self.folder / "log").read_text()
            time.sleep(0.02)

    def serial(self) -> int:
        query = dns.message.make_query("rpz.example", "SOA")
        answer = ask_over_udp(query, self.port, 2)
        return int(answer.answer[0][0].serial)

    def said(self) -> str:
        return (self.folder / "log").read_text()


def write(folder: Path, names: list[str]) -> None:
    rows = "".join(f"{name} CNAME .\n*.{name} CNAME .\n" for name in names)
    (folder / "zone").write_text(_HEAD + rows)


@pytest.fixture
def knot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Knot]:
    monkeypatch.setenv("OUR_KEY", SECRET)
    port = free_port()
    (tmp_path / "db").mkdir()
    (tmp_path / "knot.conf").write_text(_KNOT.format(folder=tmp_path, port=port, secret=SECRET))
    write(tmp_path, NAMES)
    command = ["knotd", "-c", str(tmp_path / "knot.conf")]
    ready = partial(answers, asker(port), "ns.rpz.example")
    with running(command, tmp_path / "log", ready) as server:
        yield Knot(tmp_path, port, Config(None, tmp_path / "x.db"), server)


def test_a_zone_whole_then_as_differences(knot: Knot) -> None:
    outcome = knot.update()
    assert (outcome.state, outcome.cause, outcome.entries) == (FeedState.FRESH, None, len(NAMES))
    assert knot.update().state is FeedState.UNCHANGED
    for names, added, removed in ((NAMES[:-10], 0, 10), ([*NAMES[:-20], "new.top"], 1, 10)):
        knot.rewrite(names)
        outcome = knot.update()
        assert (outcome.state, outcome.cause) == (FeedState.FRESH, None)
        assert (outcome.added, outcome.removed) == (added, removed)
    assert knot.said().count("AXFR, outgoing, remote") == 2, "started and finished, once"
    assert "IXFR, outgoing" in knot.said()


def test_a_server_that_wants_a_key(knot: Knot, monkeypatch: pytest.MonkeyPatch) -> None:
    assert knot.update().is_good
    outcome = knot.update(replace(knot.feed, tsig=""))
    assert (outcome.cause or "").endswith(": the server answers NOTAUTH")
    outcome = knot.update(replace(knot.feed, tsig="hmac-sha512:other"))
    assert (outcome.cause or "").endswith(": the server does not know the TSIG key")
    monkeypatch.setenv("OUR_KEY", OTHER)
    outcome = knot.update()
    assert (outcome.cause or "").endswith(": the server has another secret for the TSIG key")
    elsewhere = replace(knot.feed, urls=(knot.feed.urls[0].replace("rpz", "other"),))
    assert (knot.update(elsewhere).cause or "").endswith(": the server answers NOTAUTH")
    assert outcome.entries == len(NAMES), "the last good stays in force"
