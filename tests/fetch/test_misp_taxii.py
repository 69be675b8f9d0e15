"""Lists made of several documents: TAXII collections and MISP feeds."""

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
from tests.support.fault_server import Asked, Connection, Play, says
from tests.support.http_feeds import HttpFeeds

FRESH, UNCHANGED = FeedState.FRESH, FeedState.UNCHANGED
REFUSED, FAILED = FeedState.REFUSED, FeedState.FAILED
COLLECTION = "/api1/collections/91a7b528-80eb-42ed-a74d-c6fbd5a26116"


# --- TAXII ------------------------------------------------------------------------------------


@dataclass
class Taxii:
    """A TAXII server: `objects` in the order in which they were added, `size` of them a page."""

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


def collection(http_feeds: HttpFeeds, play: Play, **changes: object) -> Feed:
    http_feeds.server.plays[f"{COLLECTION}/objects/"] = play
    url = f"taxii+{http_feeds.server.url(COLLECTION)}/"
    return replace(Feed("mine", (url,), "stix", enabled=True), **changes)  # type: ignore[arg-type]


def updated(http_feeds: HttpFeeds, feed: Feed) -> UpdateOutcome:
    http_feeds.server.asked.clear()
    (outcome,) = http_feeds.update(feed)
    return outcome


def queries(http_feeds: HttpFeeds) -> list[dict[str, str]]:
    return [dict(parse_qsl(asked.query)) for asked in http_feeds.server.asked]


@pytest.mark.parametrize("named", [True, False])
def test_a_collection_page_by_page(http_feeds: HttpFeeds, named: bool) -> None:
    names = [f"n{number}.top" for number in range(7)]
    other = {"type": "malware", "id": "malware--1"}
    server = Taxii(added(*map(indicator, names), other), named=named)
    outcome = updated(http_feeds, collection(http_feeds, server))
    assert (outcome.state, outcome.cause, outcome.entries) == (FRESH, None, 7)
    assert http_feeds.in_force("mine") == names
    assert len(http_feeds.server.asked) == 4


def test_only_what_was_added_since_is_asked_for(http_feeds: HttpFeeds) -> None:
    server = Taxii(added(*(indicator(f"n{number}.top") for number in range(4))), size=9)
    feed = collection(http_feeds, server)
    updated(http_feeds, feed)
    assert updated(http_feeds, feed).state is UNCHANGED
    assert [query["added_after"] for query in queries(http_feeds)] == [
        "2026-05-03T06:00:03.000001Z"
    ]
    again = indicator("n0.top", revoked=True)
    server.objects += added(indicator("new.top"), again, start=10)
    outcome = updated(http_feeds, feed)
    assert (outcome.state, outcome.added, outcome.removed) == (FRESH, 1, 1)
    assert http_feeds.in_force("mine") == ["n1.top", "n2.top", "n3.top", "new.top"]
    assert updated(http_feeds, feed).state is UNCHANGED


def test_the_latest_version_counts_whenever_it_was_added(http_feeds: HttpFeeds) -> None:
    typo, mended = (
        indicator(f"{name}.top", 1, modified=f"2026-05-0{day}T00:00:00Z")
        for name, day in (("typo", 1), ("mended", 2))
    )
    gone = indicator("gone.top", 2, modified="2026-05-02T00:00:00Z", revoked=True)
    stays = indicator("stays.top", 3)
    server = Taxii(added(typo, gone, stays, mended), size=1)
    feed = collection(http_feeds, server, max_shrink=1.0)
    updated(http_feeds, feed)
    assert http_feeds.in_force("mine") == ["mended.top", "stays.top"], "over pages"
    server.objects += added(
        typo, indicator("gone.top", 2, modified="2026-05-01T00:00:00Z"), start=9
    )
    assert updated(http_feeds, feed).state is not REFUSED
    assert http_feeds.in_force("mine") == ["mended.top", "stays.top"], "over fetches"


@pytest.mark.parametrize("named", [True, False])
def test_what_was_added_since_may_be_several_pages(http_feeds: HttpFeeds, named: bool) -> None:
    names = [f"n{number}.top" for number in range(9)]
    server = Taxii(added(*map(indicator, names[:4])), named=named)
    feed = collection(http_feeds, server)
    updated(http_feeds, feed)
    server.objects += added(*map(indicator, names[4:]), start=10)
    assert (updated(http_feeds, feed).added, http_feeds.in_force("mine")) == (5, names)
    assert len(http_feeds.server.asked) == 3


def test_what_ends_with_the_day_is_read_anew(
    http_feeds: HttpFeeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    ends, stays = indicator("ends.top", valid_until=soon), indicator("stays.top")
    feed = collection(http_feeds, Taxii(added(ends, stays)), max_shrink=1.0)
    updated(http_feeds, feed)

    class Tomorrow(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Tomorrow":
            return super().now(tz) + timedelta(days=1)

    monkeypatch.setattr("blocklist.collect.parse_fingerprint.datetime", Tomorrow)
    monkeypatch.setattr("blocklist.parse.formats.stix.datetime", Tomorrow)
    outcome = updated(http_feeds, feed)
    assert (outcome.state, outcome.removed) == (FRESH, 1)
    assert "added_after" not in queries(http_feeds)[0], "what was taken out shows as well"
    assert http_feeds.in_force("mine") == ["stays.top"]


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
def test_collections_that_are_none(http_feeds: HttpFeeds, name: str) -> None:
    play, state, cause = NO_COLLECTIONS[name]
    feed = collection(http_feeds, Taxii(added(indicator("good.top"))))
    updated(http_feeds, feed)
    http_feeds.server.plays[f"{COLLECTION}/objects/"] = play
    # As it would be asked for on the next day: whole.
    anew = replace(feed, urls=(f"{feed.urls[0]}?x=1",), max_bytes=200_000)
    outcome = updated(http_feeds, anew)
    assert (outcome.state, cause in (outcome.cause or "")) == (state, True), outcome
    assert http_feeds.in_force("mine") == ["good.top"]
    assert http_feeds.server.asked[-1].query.startswith("x=1&match"), "a query of its own stays"


def test_who_may_see_a_collection(http_feeds: HttpFeeds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_TOKEN", "s3cr3t")
    feed = collection(http_feeds, Taxii(added(indicator("good.top"))), token_env="OUR_TOKEN")
    for changes, expected in (
        ({}, "Bearer s3cr3t"),
        ({"user": "office"}, f"Basic {base64.b64encode(b'office:s3cr3t').decode()}"),
    ):
        assert updated(http_feeds, replace(feed, **changes)).is_good  # type: ignore[arg-type]
        assert http_feeds.server.asked[-1].headers["authorization"] == expected


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

    http_feeds: HttpFeeds
    stamps: dict[str, str] = field(default_factory=dict)

    def event(self, number: int, stamp: int, *names: str) -> str:
        uuid = f"5f0b0c6e-0000-4000-8000-{number:012}"
        found = [{"type": "domain", "value": name, "to_ids": True} for name in names]
        body = {"Event": {"uuid": uuid, "timestamp": str(stamp), "info": "x", "Attribute": found}}
        self.stamps[uuid] = str(stamp)
        self.http_feeds.server.plays[f"/feed/{uuid}.json"] = says(json.dumps(body).encode())
        return uuid

    async def manifest(self, to: Connection, asked: Asked) -> None:
        about = {uuid: {"info": "x", "timestamp": stamp} for uuid, stamp in self.stamps.items()}
        await to.answer("200 OK", json.dumps(about).encode())

    @property
    def feed(self) -> Feed:
        url = f"misp+{self.http_feeds.server.url('/feed/')}"
        return Feed("mine", (url,), "misp", enabled=True)

    def asked(self) -> list[str]:
        return [asked.path.rpartition("/")[2] for asked in self.http_feeds.server.asked]


@pytest.fixture
def misp(http_feeds: HttpFeeds) -> Iterator[Misp]:
    made = Misp(http_feeds)
    http_feeds.server.plays["/feed/manifest.json"] = made.manifest
    made.event(1, 100, "one.top", "more.top")
    made.event(2, 100, "two.top")
    yield made


def test_events_of_a_manifest(misp: Misp) -> None:
    outcome = updated(misp.http_feeds, misp.feed)
    assert (outcome.state, outcome.cause, outcome.entries) == (FRESH, None, 3)
    assert updated(misp.http_feeds, misp.feed).state is UNCHANGED
    assert misp.asked() == ["manifest.json"]


def test_only_events_that_changed_are_fetched(misp: Misp) -> None:
    updated(misp.http_feeds, misp.feed)
    gone = misp.event(1, 100)
    del misp.stamps[gone]
    new = [misp.event(2, 101, "two.top", "also.top"), misp.event(3, 100, "three.top")]
    outcome = updated(misp.http_feeds, misp.feed)
    assert misp.asked() == ["manifest.json", *(f"{uuid}.json" for uuid in new)]
    assert (outcome.state, outcome.added, outcome.removed) == (FRESH, 2, 2)
    assert misp.http_feeds.in_force("mine") == ["also.top", "three.top", "two.top"]


def test_deleted_attributes_and_objects_are_taken_out(misp: Misp) -> None:
    updated(misp.http_feeds, misp.feed)
    uuid = misp.event(2, 101)
    rows = [
        {"type": "domain", "value": name, "to_ids": True, "deleted": name == "two.top"}
        for name in ("two.top", "stays.top")
    ]
    gone = {"deleted": True, "Attribute": [{"type": "domain", "value": "x.top", "to_ids": True}]}
    body = {"Event": {"uuid": uuid, "timestamp": "101", "Attribute": rows, "Object": [gone]}}
    misp.http_feeds.server.plays[f"/feed/{uuid}.json"] = says(json.dumps(body).encode())
    assert updated(misp.http_feeds, misp.feed).removed == 1
    assert misp.http_feeds.in_force("mine") == ["more.top", "one.top", "stays.top"]


def test_events_without_a_time_are_fetched_each_time(misp: Misp) -> None:
    uuid = misp.event(3, 0, "three.top")
    misp.stamps[uuid] = ""
    updated(misp.http_feeds, misp.feed)
    misp.event(3, 0, "four.top")
    misp.stamps[uuid] = ""
    outcome = updated(misp.http_feeds, misp.feed)
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
    updated(misp.http_feeds, misp.feed)
    if name == "2":
        name = f"{misp.event(2, 101, 'new.top')}.json"
    if body is None:
        del misp.http_feeds.server.plays[f"/feed/{name}"]
    else:
        misp.http_feeds.server.plays[f"/feed/{name}"] = says(body)
    outcome = updated(misp.http_feeds, misp.feed)
    assert (outcome.state, cause in (outcome.cause or "")) == (state, True), outcome
    assert misp.http_feeds.in_force("mine") == ["more.top", "one.top", "two.top"]
