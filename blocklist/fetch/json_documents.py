"""Fetch the JSON documents that make up one list, in sequence, under one size limit."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from blocklist.fetch.credentials import fill_credentials, redact_url
from blocklist.fetch.http import ByteProgressCallback, Downloader, HttpRequest
from blocklist.fetch.types import ContentRefused
from blocklist.model import NO_VALIDATORS
from blocklist.parse.json_documents import MAX_DOCUMENT_BYTES, UnreadableDocument, load_json

if TYPE_CHECKING:
    from blocklist.fetch.types import FetchRequest


class MalformedDocuments(Exception):
    """The parts do not make up a list; the text says why."""


class JsonDocuments:
    """The way to the parts of one list."""

    def __init__(
        self,
        downloader: Downloader,
        wish: "FetchRequest",
        path: Path,
        progress: ByteProgressCallback,
    ) -> None:
        """`path` is where a part waits to be read."""
        self._downloader = downloader
        self._request = wish
        self._path = path
        self._progress = progress
        self._total_bytes = 0

    async def fetch_document(
        self, url: str, accept: str = "*/*"
    ) -> tuple[object, Mapping[str, str]]:
        """Return a document and the headers that it came with; raise `FetchError`."""
        before, where = self._total_bytes, redact_url(url)
        filled, headers = fill_credentials(self._request.feed, url)
        most = min(self._request.max_bytes, MAX_DOCUMENT_BYTES)
        asked = HttpRequest(filled, {"Accept": accept, **headers}, NO_VALIDATORS, most, where)
        got = await self._downloader.download(
            asked, self._path, lambda came, _: self._progress(before + came, None)
        )
        self._total_bytes += self._path.stat().st_size
        if self._total_bytes > self._request.max_bytes:
            raise MalformedDocuments(
                f"more than {self._request.max_bytes:,} bytes in all, which no list has"
            )
        try:
            return await asyncio.to_thread(lambda: load_json(got.read_body())), got.headers
        except UnreadableDocument:
            raise ContentRefused(f"{where}: sends no JSON") from None
