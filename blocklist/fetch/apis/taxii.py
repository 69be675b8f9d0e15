"""Fetch a TAXII 2.1 collection: pages of indicators -> one STIX bundle.

Source: OASIS TAXII 2.1, sections 3.5 (pages) and 5.4 (objects of a collection). If the last bundle
is stored, only objects added since are requested.
"""

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from blocklist.fetch.apis.json_documents import JsonDocuments, MalformedDocuments
from blocklist.fetch.http import Download
from blocklist.model import Validators
from blocklist.parse.object_versions import latest_positions

_MEDIA_TYPE = "application/taxii+json;version=2.1"
_ADDED_LAST_HEADER = "X-TAXII-Date-Added-Last"
#: The keys of an object that the parser reads.
_OBJECT_KEYS = (
    "type",
    "id",
    "created",
    "modified",
    "pattern",
    "pattern_type",
    "revoked",
    "valid_until",
)

#: Query parameters that select a page.
_PageQuery = tuple[tuple[str, str], ...]


async def fetch_taxii_collection(
    documents: JsonDocuments, url: str, since: str | None, base: Path | None, path: Path
) -> Download:
    """Return a collection in `path`, or no file if nothing was added since.

    `base` is the stored bundle, complete up to the object that was added at `since`.
    """
    last_added = since if base else None
    page: _PageQuery | None = (("added_after", last_added),) if last_added else ()
    objects: list[dict[str, Any]] = []
    seen_pages = {page}
    while page is not None:
        envelope, headers = await documents.fetch_document(_page_url(url, page), _MEDIA_TYPE)
        page_objects = envelope.get("objects", []) if isinstance(envelope, dict) else None
        if not isinstance(envelope, dict) or not isinstance(page_objects, list):
            raise MalformedDocuments("sends no valid TAXII envelope")
        objects += [_slim_object(item) for item in page_objects if isinstance(item, dict)]
        added_until = headers.get(_ADDED_LAST_HEADER)
        last_added, page = added_until or last_added, _next_page(envelope, added_until, page)
        if page in seen_pages:
            raise MalformedDocuments("its pages form a loop")
        seen_pages.add(page)
    if base and since and not objects:
        return Download(None, Validators(last_added))
    await asyncio.to_thread(_write_bundle, objects, base if since else None, path)
    return Download(path, Validators(last_added))


def _page_url(url: str, page: _PageQuery) -> str:
    """Return the URL of a page of a collection's indicators."""
    parts = urlsplit(url)
    query = urlencode([("match[type]", "indicator"), *page])
    query = f"{parts.query}&{query}" if parts.query else query
    path = f"{parts.path.rstrip('/').removesuffix('/objects')}/objects/"
    return urlunsplit(parts._replace(path=path, query=query))


def _next_page(
    envelope: dict[str, Any], added_until: str | None, page: _PageQuery
) -> _PageQuery | None:
    """Return the query of the next page: the server's token, or the time of the last added object.

    The token is sent together with the other parameters (section 3.5). None after the last page.
    """
    if envelope.get("more") is not True:
        return None
    next_token = envelope.get("next")
    if isinstance(next_token, str) and next_token:
        return (*(parameter for parameter in page if parameter[0] != "next"), ("next", next_token))
    if added_until:
        return (("added_after", added_until),)
    raise MalformedDocuments("announces another page, but not which one")


def _slim_object(item: dict[str, Any]) -> dict[str, Any]:
    return {key: item[key] for key in _OBJECT_KEYS if key in item}


def _write_bundle(objects: list[dict[str, Any]], base: Path | None, path: Path) -> None:
    """Write the bundle with the latest version of each object."""
    stored = json.loads(base.read_bytes())["objects"] if base else []
    versions = stored + objects
    latest = [versions[position] for position in latest_positions(versions)]
    with path.open("w", encoding="ascii") as file:
        json.dump({"type": "bundle", "objects": latest}, file)
