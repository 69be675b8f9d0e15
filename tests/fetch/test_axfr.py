"""Zone transfers: requests, accepted zones, and faults that never become the list."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import dns.rcode
import pytest

from blocklist.collect.outcome import UpdateOutcome
from blocklist.collect.snapshot_files import feed_file_path
from blocklist.collect.update import update_feeds
from blocklist.config.feeds import Feed, build_feed
from blocklist.config.loader import Config
from blocklist.config.sections import CollectConfig
from blocklist.errors import ConfigError
from blocklist.fetch.axfr import ZoneRequest, _ZoneTransfer
from blocklist.fetch.spool import Spool
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import open_ledger_writer
from blocklist.ledger.feeds.listings import load_listings
from blocklist.model import NO_VALIDATORS, FeedState
from tests.support import transfer_server as servers
from tests.support.transfer_server import (
    KEY,
    OTHER_KEY,
    NameServer,
    difference,
    rows,
    says,
    soa,
    zone,
)

FRESH, UNCHANGED = FeedState.FRESH, FeedState.UNCHANGED
REFUSED, FAILED = FeedState.REFUSED, FeedState.FAILED
NAMES = [f"n{number}.top" for number in range(200)]
SECRET = "czNjcjN0LW9mLXRoZS1vZmZpY2U="
QUICK = CollectConfig(
    connect_timeout=0.5, read_timeout=1.0, total_timeout=10.0, tries=2, backoff=0.01,
    max_bytes=50_000,
)  # fmt: skip


@dataclass
class World:
    """A name server, a ledger, and a feed that is a zone of that server."""

    server: NameServer
    config: Config

    @property
    def feed(self) -> Feed:
        return Feed("zone", (self.server.url(),), "rpz", enabled=True)

    def update(
        self, feed: Feed | None = None, *, plays: servers.Play | None = None
    ) -> UpdateOutcome:
        self.server.play = plays or self.server.play
        self.server.asked.clear()
        self.server.sent = 0
        with open_ledger_writer(self.config.database, "update") as writer:
            (outcome,) = update_feeds(self.config, writer, [feed or self.feed], lambda _: None)
        return outcome

    def in_force(self) -> set[str]:
        with read_transaction(self.config.database) as transaction:
            return set(load_listings(transaction, ["zone"])["value"])


@pytest.fixture(scope="module")
def name_server() -> Iterator[NameServer]:
    with servers.running(NameServer(zone(1, NAMES))) as server:
        yield server


@pytest.fixture
def world(name_server: NameServer, tmp_path: Path) -> World:
    name_server.play = zone(1, NAMES)
    return World(name_server, Config(None, tmp_path / "x.db", collect=QUICK))


@pytest.fixture(scope="module")
def good_world(name_server: NameServer, tmp_path_factory: pytest.TempPathFactory) -> World:
    """One in which a zone is in force, and is again after each test."""
    database = tmp_path_factory.mktemp("good") / "x.db"
    made = World(name_server, Config(None, database, collect=QUICK))
    made.update(plays=zone(1, NAMES))
    return made


def test_a_zone_is_a_list(world: World) -> None:
    outcome = world.update()
    assert (outcome.state, outcome.cause, outcome.entries) == (FRESH, None, 200)
    assert world.server.asked == ["AXFR"]
    assert world.in_force() == set(NAMES)


def test_an_unchanged_zone_is_one_record(world: World) -> None:
    world.update()
    assert world.update().state is UNCHANGED
    assert (world.server.asked, world.server.sent < 200) == (["IXFR"], True)


def test_an_unchanged_zone_whose_last_transfer_is_lost(world: World) -> None:
    """The server cannot report that the zone is unchanged, so reading stops at its serial."""
    world.update()
    feed_file_path(world.config.database, "zone", "bases").write_bytes(b"other")
    assert world.update().state is UNCHANGED
    assert world.server.asked == ["AXFR"]


def test_what_changed_is_all_that_is_sent(world: World) -> None:
    whole = zone(3, [*NAMES[1:], "new.top"])
    world.update()
    outcome = world.update(plays=difference(1, 2, NAMES[:2], ["two.top"], whole))
    assert (outcome.state, outcome.added, outcome.removed) == (FRESH, 1, 2)
    outcome = world.update(plays=difference(2, 3, ["two.top"], [NAMES[1], "new.top"], whole))
    assert (outcome.state, outcome.added, outcome.removed) == (FRESH, 2, 1)
    assert (world.server.asked, world.server.sent < 1000) == (["IXFR"], True)
    assert world.in_force() == {*NAMES[1:], "new.top"}
    assert world.update(plays=zone(3, [])).state is UNCHANGED, "the serial is the one of the last"


@pytest.mark.parametrize(
    ("play", "why"),
    [
        (difference(1, 2, ["unknown.top"], [], zone(2, NAMES[1:])), "deletes what never was"),
        (difference(5, 2, NAMES[:1], [], zone(2, NAMES[1:])), "of another serial"),
        (zone(2, NAMES[1:]), "answers with the whole zone"),
        (zone(0, NAMES[1:]), "began anew, with a serial that is older"),
    ],
)
def test_where_there_is_no_difference_all_is_transferred(
    world: World, play: servers.Play, why: str
) -> None:
    world.update()
    outcome = world.update(plays=play)
    assert (outcome.state, outcome.removed) == (FRESH, 1), (why, outcome)
    assert world.in_force() == set(NAMES[1:])


def test_a_server_without_differences(world: World) -> None:
    whole = zone(2, NAMES[1:])
    unable = says(rcode=dns.rcode.NOTIMP)
    world.update()
    outcome = world.update(plays=lambda query: (whole if not query.authority else unable)(query))
    assert (outcome.state, world.server.asked) == (FRESH, ["IXFR", "AXFR"])


FAULTS: dict[str, tuple[servers.Play, FeedState, str]] = {
    "REFUSED": (says(rcode=dns.rcode.REFUSED), FAILED, ": the server answers REFUSED"),
    "NOTAUTH": (says(rcode=dns.rcode.NOTAUTH), FAILED, ": the server answers NOTAUTH"),
    "SERVFAIL": (says(rcode=dns.rcode.SERVFAIL), FAILED, ": the server answers SERVFAIL"),
    "truncated stream": (servers.cut_off, FAILED, ": the connection ended before the zone did"),
    "silence": (servers.silence, FAILED, ": no data from the server for 1 s"),
    "endless stream": (servers.endless, REFUSED, ": more bytes of records than any list has"),
    "another zone": (
        says(soa(2, "other.example"), *rows(NAMES, "other.example"), soa(2, "other.example")),
        REFUSED, ": sends no valid zone: No answer or RRset not for zone origin",
    ),
    "no SOA": (says(*rows(NAMES)), REFUSED, ": sends no valid zone: No answer or RRset"),
    "nothing": (says(), REFUSED, ": sends no valid zone: No answer"),
    "no DNS": (servers.garbage, REFUSED, ": sends no valid zone: "),
    "another question": (servers.another_question, FAILED, ": answers another query"),
    "an empty zone": (zone(2, []), REFUSED, "lists nothing: 2 lines, all empty or comments"),
    "shrinks": (zone(2, NAMES[:9]), REFUSED, "shrank from 200 to 9 entries"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault(good_world: World, name: str) -> None:
    world, (play, state, cause) = good_world, FAULTS[name]
    outcome = world.update(plays=play)
    assert (outcome.state, cause in (outcome.cause or "")) == (state, True), outcome
    assert "\n" not in (outcome.cause or "")
    assert world.in_force() == set(NAMES)
    assert world.update(plays=zone(1, NAMES)).state is UNCHANGED
    assert world.server.asked == ["AXFR" if state is REFUSED else "IXFR"], "forgotten, or not"


@pytest.mark.parametrize(
    ("play", "cause", "why"),
    [
        (zone(1, NAMES, KEY), None, "as it should be"),
        (zone(1, NAMES), "missing TSIG", "not signed"),
        (zone(1, NAMES, OTHER_KEY), "the answer is signed with another secret", ""),
        (servers.unsigned_end, "missing TSIG", "records after the last signature"),
    ],
)
def test_signed_transfers(
    world: World, monkeypatch: pytest.MonkeyPatch, play: servers.Play, cause: str | None, why: str
) -> None:
    monkeypatch.setenv("OUR_KEY", SECRET)
    signed = replace(world.feed, tsig="hmac-sha256:office", token_env="OUR_KEY")
    outcome = world.update(signed, plays=play)
    assert outcome.is_good == (cause is None), (why, outcome)
    assert (cause or "") in (outcome.cause or ""), why
    assert SECRET not in (outcome.cause or "")


def test_the_differences_are_signed_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_KEY", SECRET)
    signed = replace(world.feed, tsig="office", token_env="OUR_KEY")
    world.update(signed, plays=zone(1, NAMES, KEY))
    outcome = world.update(signed, plays=difference(1, 2, NAMES[:1], [], zone(2, [], KEY)))
    assert outcome.state is REFUSED, "an unsigned difference is none, and the whole has shrunk"


def test_keys_that_are_missing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_KEY", "no base 64!")
    signed = replace(world.feed, tsig="office")
    assert "its secret must be in token_env or token_file" in (world.update(signed).cause or "")
    outcome = world.update(replace(signed, token_env="OUR_KEY"))
    assert outcome.cause == "feeds.zone: the secret of its TSIG key is not Base64"
    assert not world.server.asked


def test_a_server_never_waits_for_what_is_read_of_it(tmp_path: Path) -> None:
    """Knot DNS disconnects slow clients; this server sends more than sockets buffer."""
    message, count, ended = b"m" * 60_000, 500, []

    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(count):
            writer.write(len(message).to_bytes(2) + message)
            await asyncio.wait_for(writer.drain(), 5)
        ended.append(True)
        writer.close()

    async def listen() -> list[bytes]:
        server = await asyncio.start_server(send, "127.0.0.1", 0)
        place = server.sockets[0].getsockname()[:2]
        url = f"axfr://{place[0]}:{place[1]}/{servers.ZONE}"
        wanted = ZoneRequest(url, None, NO_VALIDATORS, None, len(message) * count, url)
        reader, writer = await asyncio.open_connection(*place)
        with Spool(tmp_path / "spool") as spool:
            await _ZoneTransfer(wanted, CollectConfig(), None)._spool_messages(
                reader, spool, lambda *_: None
            )
            assert ended, "though nobody has got anything yet"
            got = [await spool.get() for _ in range(count)]
            with pytest.raises(asyncio.IncompleteReadError):
                await spool.get()
        writer.close()
        server.close()
        return got

    assert asyncio.run(listen()) == [message] * count
    assert not (tmp_path / "spool").exists()


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        ("axfr://127.0.0.1:1/rpz.example", ": cannot be reached: "),
        ("axfr://127.0.0.1:x/rpz.example", ": the URL names no valid zone"),
        ("axfr://127.0.0.1/", ": expected a server and a zone, as in axfr://server/zone"),
        ("axfr://127.0.0.1/a..b", ": the URL names no valid zone"),
    ],
)
def test_places_that_are_none(world: World, url: str, cause: str) -> None:
    outcome = world.update(replace(world.feed, urls=(url,)))
    assert (outcome.state, cause in (outcome.cause or "")) == (FAILED, True), outcome


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"format": "domains"}, "x.toml: format: expected rpz for axfr://"),
        ({"tsig": "hmac-md5:office"}, "x.toml: tsig: expected the name of a TSIG key"),
    ],
)
def test_wrong_configurations(changes: dict[str, str], says: str) -> None:
    table = {"url": "axfr://192.0.2.1/rpz.example", "format": "rpz", **changes}
    with pytest.raises(ConfigError, match=says):
        build_feed("x", table, "x.toml: ")
