"""Fetch a TAXII 2.1 collection: pages of indicators -> one STIX bundle.

Source: OASIS TAXII 2.1, sections 3.5 (pages) and 5.4 (objects of a collection). If the last bundle
is stored, only objects added since are requested.
"""

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from blocklist.fetch.http import Download
from blocklist.fetch.json_documents import JsonDocuments, MalformedDocuments
from blocklist.model import Validators

_MEDIA_TYPE = "application/taxii+json;version=2.1"
_ADDED_LAST_HEADER = "X-TAXII-Date-Added-Last"
#: What is kept of an object: all that is read of it.
_OBJECT_KEYS = ("type", "id", "pattern", "pattern_type", "revoked", "valid_until")

#: Keys and values of a query: where a page is.
_PageQuery = tuple[tuple[str, str], ...]


async def fetch_taxii_collection(
    parts: JsonDocuments, url: str, since: str | None, base: Path | None, path: Path
) -> Download:
    """Return a collection in `path`, or no file when nothing was added since.

    `base` is the bundle that was whole when the last object was added at `since`.
    """
    last = since if base else None
    place: _PageQuery | None = (("added_after", last),) if last else ()
    objects: list[dict[str, Any]] = []
    seen = {place}
    while place is not None:
        envelope, headers = await parts.fetch_document(_page_url(url, place), _MEDIA_TYPE)
        found = envelope.get("objects", []) if isinstance(envelope, dict) else None
        if not isinstance(envelope, dict) or not isinstance(found, list):
            raise MalformedDocuments("sends no TAXII envelope")
        objects += [_slim_object(one) for one in found if isinstance(one, dict)]
        added = headers.get(_ADDED_LAST_HEADER)
        last, place = added or last, _next_page(envelope, added, place)
        if place in seen:
            raise MalformedDocuments("its pages run in a circle")
        seen.add(place)
    if base and since and not objects:
        return Download(None, Validators(last))
    await asyncio.to_thread(_write_bundle, objects, base if since else None, path)
    return Download(path, Validators(last))


def _page_url(url: str, place: _PageQuery) -> str:
    """Return the URL of a page of a collection's indicators."""
    parts = urlsplit(url)
    query = urlencode([("match[type]", "indicator"), *place])
    query = f"{parts.query}&{query}" if parts.query else query
    path = f"{parts.path.rstrip('/').removesuffix('/objects')}/objects/"
    return urlunsplit(parts._replace(path=path, query=query))


def _next_page(envelope: dict[str, Any], added: str | None, place: _PageQuery) -> _PageQuery | None:
    """Return where the next page is: as the server calls it, or after what was added last.

    The server's word for it goes along with what else was asked (section 3.5).
    """
    if envelope.get("more") is not True:
        return None
    following = envelope.get("next")
    if isinstance(following, str) and following:
        return (*(one for one in place if one[0] != "next"), ("next", following))
    if added:
        return (("added_after", added),)
    raise MalformedDocuments("says that there is more, but not where")


def _slim_object(found: dict[str, Any]) -> dict[str, Any]:
    return {key: found[key] for key in _OBJECT_KEYS if key in found}


def _write_bundle(objects: list[dict[str, Any]], base: Path | None, path: Path) -> None:
    """Write the bundle; of an object that is there twice, the later word counts."""
    before = json.loads(base.read_bytes())["objects"] if base else []
    merged = {str(found.get("id", place)): found for place, found in enumerate(before + objects)}
    with path.open("w", encoding="ascii") as file:
        json.dump({"type": "bundle", "objects": list(merged.values())}, file)
