"""Lists that come as several documents: TAXII collections and feeds of MISP."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from urllib.parse import parse_qsl

import pytest

from blocklist.collect.outcome import UpdateOutcome
from blocklist.config.feeds import Feed, build_feed
from blocklist.errors import ConfigError
from blocklist.model import FeedState
from tests.fetch.test_http_faults import World, contexts, world
from tests.support.fault_server import Asked, Connection, Play, says

__all__ = ["contexts", "world"]  # fixtures

FRESH, UNCHANGED = FeedState.FRESH, FeedState.UNCHANGED
REFUSED, FAILED = FeedState.REFUSED, FeedState.FAILED
COLLECTION = "/api1/collections/91a7b528-80eb-42ed-a74d-c6fbd5a26116"


# --- TAXII ------------------------------------------------------------------------------------


@dataclass
class Taxii:
    """A TAXII server: `objects` by when each was added, `size` of them a page."""

    objects: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    size: int = 2
    #: Whether pages have names; else they go by when their last object was added.
    named: bool = True

    async def __call__(self, to: Connection, asked: Asked) -> None:
        if asked.headers.get("accept") != "application/taxii+json;version=2.1":
            await to.answer("406 Not Acceptable", b"")
            return
        query = dict(parse_qsl(asked.query))
        wanted = query["match[type]"]
        found = [
            (added, one)
            for added, one in self.objects
            if one["type"] == wanted and added > query.get("added_after", "")
        ]
        start = int(query.get("next", 0))
        page, rest = found[start : start + self.size], found[start + self.size :]
        envelope: dict[str, Any] = {"objects": [one for _, one in page]} if page else {}
        if rest:
            envelope |= {"more": True} | ({"next": str(start + self.size)} if self.named else {})
        last = [f"X-TAXII-Date-Added-Last: {page[-1][0]}"] if page else []
        body = json.dumps(envelope).encode()
        await to.answer("200 OK", body, "Content-Type: application/taxii+json;version=2.1", *last)


def indicator(name: str, number: int = 0, **more: object) -> dict[str, Any]:
    pattern = f"[domain-name:value = '{name}']"
    return {"type": "indicator", "id": f"indicator--{number or name}", "pattern": pattern} | more


def added(*objects: dict[str, Any], start: int = 0) -> list[tuple[str, dict[str, Any]]]:
    return [(f"2026-05-03T06:00:{start + n:02}.000001Z", one) for n, one in enumerate(objects)]


def collection(world: World, play: Play, **changes: object) -> Feed:
    world.server.plays[f"{COLLECTION}/objects/"] = play
    url = f"taxii+{world.server.url(COLLECTION)}/"
    return replace(Feed("mine", (url,), "stix", enabled=True), **changes)  # type: ignore[arg-type]


def updated(world: World, feed: Feed) -> UpdateOutcome:
    world.server.asked.clear()
    (outcome,) = world.update(feed)
    return outcome


def queries(world: World) -> list[dict[str, str]]:
    return [dict(parse_qsl(asked.query)) for asked in world.server.asked]


@pytest.mark.parametrize("named", [True, False])
def test_a_collection_page_by_page(world: World, named: bool) -> None:
    names = [f"n{number}.top" for number in range(7)]
    other = {"type": "malware", "id": "malware--1"}
    server = Taxii(added(*map(indicator, names), other), named=named)
    outcome = updated(world, collection(world, server))
    assert (outcome.state, outcome.cause, outcome.entries) == (FRESH, None, 7)
    assert world.in_force("mine") == names
    assert len(world.server.asked) == 4


def test_only_what_was_added_since_is_asked_for(world: World) -> None:
    server = Taxii(added(*(indicator(f"n{number}.top") for number in range(4))), size=9)
    feed = collection(world, server)
    updated(world, feed)
    assert updated(world, feed).state is UNCHANGED
    assert [query["added_after"] for query in queries(world)] == ["2026-05-03T06:00:03.000001Z"]
    again = indicator("n0.top", revoked=True)
    server.objects += added(indicator("new.top"), again, start=10)
    outcome = updated(world, feed)
    assert (outcome.state, outcome.added, outcome.removed) == (FRESH, 1, 1)
    assert world.in_force("mine") == ["n1.top", "n2.top", "n3.top", "new.top"]
    assert updated(world, feed).state is UNCHANGED


@pytest.mark.parametrize("named", [True, False])
def test_what_was_added_since_may_be_several_pages(world: World, named: bool) -> None:
    names = [f"n{number}.top" for number in range(9)]
    server = Taxii(added(*map(indicator, names[:4])), named=named)
    feed = collection(world, server)
    updated(world, feed)
    server.objects += added(*map(indicator, names[4:]), start=10)
    assert (updated(world, feed).added, world.in_force("mine")) == (5, names)
    assert len(world.server.asked) == 3


def test_what_ends_with_the_day_is_read_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    soon = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    ends, stays = indicator("ends.top", valid_until=soon), indicator("stays.top")
    feed = collection(world, Taxii(added(ends, stays)), max_shrink=1.0)
    updated(world, feed)

    class Tomorrow(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Tomorrow":
            return super().now(tz) + timedelta(days=1)

    monkeypatch.setattr("blocklist.collect.parse_fingerprint.datetime", Tomorrow)
    monkeypatch.setattr("blocklist.parse.formats.stix.datetime", Tomorrow)
    outcome = updated(world, feed)
    assert (outcome.state, outcome.removed) == (FRESH, 1)
    assert "added_after" not in queries(world)[0], "what was taken out shows as well"
    assert world.in_force("mine") == ["stays.top"]


async def circle(to: Connection, asked: Asked) -> None:
    envelope = {"more": True, "next": "again", "objects": []}
    await to.answer("200 OK", json.dumps(envelope).encode())


async def endless(to: Connection, asked: Asked) -> None:
    objects = [indicator(f"n{asked.times}-{number}.top") for number in range(500)]
    envelope = {"more": True, "next": str(asked.times), "objects": objects}
    await to.answer("200 OK", json.dumps(envelope).encode())


NO_COLLECTIONS: dict[str, tuple[Play, FeedState, str]] = {
    "circle": (circle, REFUSED, ": its pages form a loop"),
    "endless": (endless, REFUSED, ": more than 200,000 bytes in all, which no list has"),
    "page": (says(b"<html>"), REFUSED, "/objects/?...: sends no valid JSON"),
    "array": (says(b"[]"), REFUSED, ": sends no valid TAXII envelope"),
    "number": (says(b'{"objects": 1}'), REFUSED, ": sends no valid TAXII envelope"),
    "more": (says(b'{"more": true}'), REFUSED, ": announces another page, but not which one"),
    "nothing": (says(b"{}"), REFUSED, "lists nothing"),
    "401": (says(b"", status="401 Unauthorized"), FAILED, "server answers 401 Unauthorized"),
    "406": (says(b"", status="406 Not Acceptable"), FAILED, "server answers 406 Not Acceptable"),
}


@pytest.mark.parametrize("name", NO_COLLECTIONS)
def test_collections_that_are_none(world: World, name: str) -> None:
    play, state, cause = NO_COLLECTIONS[name]
    feed = collection(world, Taxii(added(indicator("good.top"))))
    updated(world, feed)
    world.server.plays[f"{COLLECTION}/objects/"] = play
    # As it would be asked for on the next day: whole.
    anew = replace(feed, urls=(f"{feed.urls[0]}?x=1",), max_bytes=200_000)
    outcome = updated(world, anew)
    assert (outcome.state, cause in (outcome.cause or "")) == (state, True), outcome
    assert world.in_force("mine") == ["good.top"]
    assert world.server.asked[-1].query.startswith("x=1&match"), "a query of its own stays"


def test_who_may_see_a_collection(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_TOKEN", "s3cr3t")
    feed = collection(world, Taxii(added(indicator("good.top"))), token_env="OUR_TOKEN")
    for changes, expected in (
        ({}, "Bearer s3cr3t"),
        ({"user": "office"}, f"Basic {base64.b64encode(b'office:s3cr3t').decode()}"),
    ):
        assert updated(world, replace(feed, **changes)).is_good  # type: ignore[arg-type]
        assert world.server.asked[-1].headers["authorization"] == expected


@pytest.mark.parametrize(
    ("url", "format_name"),
    [("taxii+https://t.example/c/", "json"), ("misp+https://m.example/", "stix")],
)
def test_a_format_that_does_not_fit(url: str, format_name: str) -> None:
    with pytest.raises(ConfigError, match=r"format: expected rpz for axfr://, misp for misp\+"):
        build_feed("x", {"url": url, "format": format_name}, "x.toml: ")


# --- MISP -------------------------------------------------------------------------------------


@dataclass
class Misp:
    """A folder with a manifest and a file for each event."""

    world: World
    stamps: dict[str, str] = field(default_factory=dict)

    def event(self, number: int, stamp: int, *names: str) -> str:
        uuid = f"5f0b0c6e-0000-4000-8000-{number:012}"
        found = [{"type": "domain", "value": name, "to_ids": True} for name in names]
        body = {"Event": {"uuid": uuid, "timestamp": str(stamp), "info": "x", "Attribute": found}}
        self.stamps[uuid] = str(stamp)
        self.world.server.plays[f"/feed/{uuid}.json"] = says(json.dumps(body).encode())
        return uuid

    async def manifest(self, to: Connection, asked: Asked) -> None:
        about = {uuid: {"info": "x", "timestamp": stamp} for uuid, stamp in self.stamps.items()}
        await to.answer("200 OK", json.dumps(about).encode())

    @property
    def feed(self) -> Feed:
        url = f"misp+{self.world.server.url('/feed/')}"
        return Feed("mine", (url,), "misp", enabled=True)

    def asked(self) -> list[str]:
        return [asked.path.rpartition("/")[2] for asked in self.world.server.asked]


@pytest.fixture
def misp(world: World) -> Iterator[Misp]:
    made = Misp(world)
    world.server.plays["/feed/manifest.json"] = made.manifest
    made.event(1, 100, "one.top", "more.top")
    made.event(2, 100, "two.top")
    yield made


def test_events_of_a_manifest(misp: Misp) -> None:
    outcome = updated(misp.world, misp.feed)
    assert (outcome.state, outcome.cause, outcome.entries) == (FRESH, None, 3)
    assert updated(misp.world, misp.feed).state is UNCHANGED
    assert misp.asked() == ["manifest.json"]


def test_only_events_that_changed_are_fetched(misp: Misp) -> None:
    updated(misp.world, misp.feed)
    gone = misp.event(1, 100)
    del misp.stamps[gone]
    new = [misp.event(2, 101, "two.top", "also.top"), misp.event(3, 100, "three.top")]
    outcome = updated(misp.world, misp.feed)
    assert misp.asked() == ["manifest.json", *(f"{uuid}.json" for uuid in new)]
    assert (outcome.state, outcome.added, outcome.removed) == (FRESH, 2, 2)
    assert misp.world.in_force("mine") == ["also.top", "three.top", "two.top"]


def test_events_without_a_time_are_fetched_each_time(misp: Misp) -> None:
    uuid = misp.event(3, 0, "three.top")
    misp.stamps[uuid] = ""
    updated(misp.world, misp.feed)
    misp.event(3, 0, "four.top")
    misp.stamps[uuid] = ""
    outcome = updated(misp.world, misp.feed)
    assert misp.asked() == ["manifest.json", f"{uuid}.json"]
    assert (outcome.added, outcome.removed) == (1, 1)


@pytest.mark.parametrize(
    ("name", "body", "state", "cause"),
    [
        ("manifest.json", b"[]", REFUSED, "/feed/: its manifest.json is no manifest"),
        (
            "manifest.json",
            b'{"../../x": {}}',
            REFUSED,
            "/feed/: its manifest.json is no manifest",
        ),
        (
            "manifest.json",
            b"<html>",
            REFUSED,
            "/feed/manifest.json: sends no valid JSON",
        ),
        ("manifest.json", b"{}", REFUSED, ": its manifest.json lists no event"),
        ("2", b"{}", REFUSED, "000000000002.json is not an event"),
        ("2", None, FAILED, "000000000002.json: the server answers 404 Not Found"),
    ],
)
def test_feeds_of_misp_that_are_none(
    misp: Misp, name: str, body: bytes | None, state: FeedState, cause: str
) -> None:
    updated(misp.world, misp.feed)
    if name == "2":
        name = f"{misp.event(2, 101, 'new.top')}.json"
    if body is None:
        del misp.world.server.plays[f"/feed/{name}"]
    else:
        misp.world.server.plays[f"/feed/{name}"] = says(body)
    outcome = updated(misp.world, misp.feed)
    assert (outcome.state, cause in (outcome.cause or "")) == (state, True), outcome
    assert misp.world.in_force("mine") == ["more.top", "one.top", "two.top"]
