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
    """The documents do not make up a list; the message says why."""


class JsonDocuments:
    """Fetch the documents of one list, with a limit on their total size."""

    def __init__(
        self,
        downloader: Downloader,
        request: "FetchRequest",
        path: Path,
        progress: ByteProgressCallback,
    ) -> None:
        """Store the request; each document is kept in `path` until it is read."""
        self._downloader = downloader
        self._request = request
        self._path = path
        self._progress = progress
        self._total_bytes = 0

    async def fetch_document(
        self, url: str, accept: str = "*/*"
    ) -> tuple[object, Mapping[str, str]]:
        """Return a parsed document and its response headers; raise `FetchError` if it fails."""
        bytes_before, display_url = self._total_bytes, redact_url(url)
        filled, headers = fill_credentials(self._request.feed, url)
        max_bytes = min(self._request.max_bytes, MAX_DOCUMENT_BYTES)
        request = HttpRequest(
            filled, {"Accept": accept, **headers}, NO_VALIDATORS, max_bytes, display_url
        )
        download = await self._downloader.download(
            request, self._path, lambda received, _: self._progress(bytes_before + received, None)
        )
        self._total_bytes += self._path.stat().st_size
        if self._total_bytes > self._request.max_bytes:
            raise MalformedDocuments(
                f"more than {self._request.max_bytes:,} bytes in all, which no list has"
            )
        try:
            return await asyncio.to_thread(
                lambda: load_json(download.read_body())
            ), download.headers
        except UnreadableDocument:
            raise ContentRefused(f"{display_url}: sends no valid JSON") from None
