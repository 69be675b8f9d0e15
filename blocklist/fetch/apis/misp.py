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

from blocklist.fetch.apis.json_documents import JsonDocuments, MalformedDocuments
from blocklist.fetch.http import Download
from blocklist.model import Validators
from blocklist.parse.json_documents import json_objects

_MANIFEST = "manifest.json"
#: A feed with more events is considered a mistake.
_MAX_EVENTS = 20_000
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
#: The keys of an attribute that the parser reads.
_ATTRIBUTE_KEYS = ("type", "value", "to_ids", "deleted")


async def fetch_misp_events(
    documents: JsonDocuments, url: str, known_etag: str | None, base: Path | None, path: Path
) -> Download:
    """Return the events of a feed in `path`, or no file if the manifest has not changed.

    `base` is the stored list of events, complete when the hash of the manifest was `known_etag`.
    """
    manifest, _ = await documents.fetch_document(_file_url(url, _MANIFEST))
    timestamps = _read_timestamps(manifest)
    validators = Validators(
        hashlib.sha256(json.dumps(timestamps, sort_keys=True).encode()).hexdigest()
    )
    if base and validators.etag == known_etag and all(timestamps.values()):
        return Download(None, validators)
    events = await asyncio.to_thread(_load_unchanged_events, base, timestamps) if base else {}
    for uuid in sorted(timestamps.keys() - events.keys()):
        document, _ = await documents.fetch_document(_file_url(url, f"{uuid}.json"))
        events[uuid] = _slim_event(document, uuid, timestamps[uuid])
    await asyncio.to_thread(_write_events, [events[uuid] for uuid in sorted(timestamps)], path)
    return Download(path, validators)


def _file_url(url: str, name: str) -> str:
    """Return the URL of a file in a feed's folder."""
    parts = urlsplit(url)
    folder = parts.path.removesuffix(_MANIFEST).rstrip("/")
    return urlunsplit(parts._replace(path=f"{folder}/{name}"))


def _read_timestamps(manifest: object) -> dict[str, str]:
    """Return the time of the last change of each event in a manifest; empty if it has none."""
    if not isinstance(manifest, dict) or not all(map(_UUID.fullmatch, manifest)):
        raise MalformedDocuments(f"its {_MANIFEST} is no manifest")
    if not manifest:
        raise MalformedDocuments(f"its {_MANIFEST} lists no event")
    if len(manifest) > _MAX_EVENTS:
        raise MalformedDocuments(
            f"its {_MANIFEST} lists {len(manifest):,} events; no feed has so many"
        )
    return {
        uuid: str(about.get("timestamp") or "") if isinstance(about, dict) else ""
        for uuid, about in manifest.items()
    }


def _load_unchanged_events(base: Path, timestamps: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Return the stored events whose timestamps are those of the manifest."""
    stored = {event["Event"]["uuid"]: event for event in json.loads(base.read_bytes())}
    return {
        uuid: event
        for uuid, event in stored.items()
        if timestamps.get(uuid) and event["Event"]["timestamp"] == timestamps[uuid]
    }


def _slim_event(document: object, uuid: str, timestamp: str) -> dict[str, Any]:
    """Return the parts of an event that the parser reads, with UUID and time of the manifest."""
    event = document.get("Event") if isinstance(document, dict) else None
    if not isinstance(event, dict):
        raise MalformedDocuments(f"its {uuid}.json is not an event")
    objects = [_slim_holder(inner) for inner in json_objects(event.get("Object"))]
    slim = {"uuid": uuid, "timestamp": timestamp, **_slim_holder(event), "Object": objects}
    return {"Event": slim}


def _slim_holder(holder: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes of an event or object, and whether it is deleted."""
    attributes = [
        {key: attribute[key] for key in _ATTRIBUTE_KEYS if key in attribute}
        for attribute in json_objects(holder.get("Attribute"))
    ]
    mark = {"deleted": holder["deleted"]} if "deleted" in holder else {}
    return {"Attribute": attributes, **mark}


def _write_events(events: list[dict[str, Any]], path: Path) -> None:
    with path.open("w", encoding="ascii") as file:
        json.dump(events, file)
