"""Fetch a MISP feed: manifest and event files -> one JSON list of events.

Source: MISP's feed format, as the feed generator of PyMISP writes it. If the last list is stored,
only events with another timestamp, or with none, are fetched.
"""

import asyncio
import hashlib
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from blocklist.fetch.http import Download
from blocklist.fetch.json_documents import JsonDocuments, MalformedDocuments
from blocklist.model import Validators
from blocklist.parse.json_documents import json_objects

_MANIFEST = "manifest.json"
#: More than this is a database, not a feed.
_MAX_EVENTS = 20_000
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
#: What is kept of an attribute: all that is read of it.
_ATTRIBUTE_KEYS = ("type", "value", "to_ids")


async def fetch_misp_events(
    parts: JsonDocuments, url: str, known: str | None, base: Path | None, path: Path
) -> Download:
    """Return the events of a feed in `path`, or no file when its manifest is as it was.

    `base` is the list of events that was whole when the manifest was the one that is `known`.
    """
    manifest, _ = await parts.fetch_document(_file_url(url, _MANIFEST))
    stamps = _read_timestamps(manifest)
    said = Validators(hashlib.sha256(json.dumps(stamps, sort_keys=True).encode()).hexdigest())
    if base and said.etag == known and all(stamps.values()):
        return Download(None, said)
    found = await asyncio.to_thread(_load_unchanged_events, base, stamps) if base else {}
    for uuid in sorted(stamps.keys() - found.keys()):
        document, _ = await parts.fetch_document(_file_url(url, f"{uuid}.json"))
        found[uuid] = _slim_event(document, uuid, stamps[uuid])
    await asyncio.to_thread(_write_events, [found[uuid] for uuid in sorted(stamps)], path)
    return Download(path, said)


def _file_url(url: str, name: str) -> str:
    """Return the URL of a file in a feed's folder."""
    parts = urlsplit(url)
    folder = parts.path.removesuffix(_MANIFEST).rstrip("/")
    return urlunsplit(parts._replace(path=f"{folder}/{name}"))


def _read_timestamps(manifest: object) -> dict[str, str]:
    """Return what a manifest says of when each event was changed last; empty where it does not."""
    if not isinstance(manifest, dict) or not all(map(_UUID.fullmatch, manifest)):
        raise MalformedDocuments(f"its {_MANIFEST} is none")
    if not manifest:
        raise MalformedDocuments(f"its {_MANIFEST} names no event")
    if len(manifest) > _MAX_EVENTS:
        raise MalformedDocuments(
            f"its {_MANIFEST} names {len(manifest):,} events, more than any feed's"
        )
    return {
        uuid: str(about.get("timestamp") or "") if isinstance(about, dict) else ""
        for uuid, about in manifest.items()
    }


def _load_unchanged_events(base: Path, stamps: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Return the events that are as they were."""
    known = {one["Event"]["uuid"]: one for one in json.loads(base.read_bytes())}
    return {
        uuid: one
        for uuid, one in known.items()
        if stamps.get(uuid) and one["Event"]["timestamp"] == stamps[uuid]
    }


def _slim_event(document: object, uuid: str, stamp: str) -> dict[str, Any]:
    """Return an event with what is read of it, under the name and time that the manifest says."""
    event = document.get("Event") if isinstance(document, dict) else None
    if not isinstance(event, dict):
        raise MalformedDocuments(f"its {uuid}.json is no event")
    objects = [
        {"Attribute": _slim_attributes(inner)} for inner in json_objects(event.get("Object"))
    ]
    slim = {
        "uuid": uuid,
        "timestamp": stamp,
        "Attribute": _slim_attributes(event),
        "Object": objects,
    }
    return {"Event": slim}


def _slim_attributes(holder: dict[str, Any]) -> list[dict[str, Any]]:
    found = json_objects(holder.get("Attribute"))
    return [{key: one[key] for key in _ATTRIBUTE_KEYS if key in one} for one in found]


def _write_events(events: list[dict[str, Any]], path: Path) -> None:
    with path.open("w", encoding="ascii") as file:
        json.dump(events, file)
