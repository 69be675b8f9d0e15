"""Choose the transport by the scheme of a feed's URL: fetch request -> download.

Schemes: HTTP(S), AXFR, MISP and TAXII. All feeds share one limit of connections for each host.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from blocklist.config.feeds import url_scheme
from blocklist.config.sections import CollectConfig
from blocklist.fetch.credentials import fill_credentials, load_tsig_key, redact_url
from blocklist.fetch.http import Download, Downloader, HttpRequest
from blocklist.fetch.integrity import hash_names
from blocklist.fetch.types import ContentRefused, FeedProgressCallback, FetchError, FetchRequest

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver


class Transports:
    """The transports, with a limit of connections for each host that all feeds share."""

    def __init__(
        self,
        settings: CollectConfig,
        scratch: Path,
        progress: FeedProgressCallback,
        resolver: "AbstractResolver | None",
    ) -> None:
        self._settings = settings
        self._scratch = scratch
        self._progress = progress
        self._resolver = resolver
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._numbers = count()

    async def fetch_once(self, request: FetchRequest) -> Download:
        """Try once; raise `FetchError` with a plain cause."""
        path = self._scratch / str(next(self._numbers))
        scheme, plus, _ = url_scheme(request.url).partition("+")
        if scheme == "axfr":
            return await self._fetch_zone(request, path)
        if plus:
            return await self._fetch_documents(request, scheme, path)
        return await self._fetch_http(request, path)

    async def _fetch_http(self, request: FetchRequest, path: Path) -> Download:
        url, headers = fill_credentials(request.feed, request.url)
        display_url = redact_url(request.url)
        http_request = HttpRequest(
            url,
            headers,
            request.validators,
            request.max_bytes,
            display_url,
            hash_names(request.feed),
        )
        return await self._make_downloader().download(
            http_request, path, self._progress_of_feed(request)
        )

    async def _fetch_documents(self, request: FetchRequest, scheme: str, path: Path) -> Download:
        """Return a list that is made of several documents."""
        from blocklist.fetch.apis.json_documents import JsonDocuments, MalformedDocuments
        from blocklist.fetch.apis.misp import fetch_misp_events
        from blocklist.fetch.apis.taxii import fetch_taxii_collection

        fetch_list = {"misp": fetch_misp_events, "taxii": fetch_taxii_collection}[scheme]
        documents = JsonDocuments(
            self._make_downloader(),
            request,
            path.with_suffix(".part"),
            self._progress_of_feed(request),
        )
        url = request.url.partition("+")[2]
        seconds = self._settings.total_timeout
        try:
            async with asyncio.timeout(seconds):
                return await fetch_list(documents, url, request.validators.etag, request.base, path)
        except MalformedDocuments as error:
            raise ContentRefused(f"{redact_url(url)}: {error}") from None
        except TimeoutError:
            raise FetchError(f"{redact_url(url)}: not finished within {seconds:g} s") from None

    async def _fetch_zone(self, request: FetchRequest, path: Path) -> Download:
        from blocklist.fetch.axfr import ZoneRequest, transfer_zone

        key = load_tsig_key(request.feed)
        zone_request = ZoneRequest(
            request.url,
            key,
            request.validators,
            request.base,
            request.max_bytes,
            redact_url(request.url),
        )
        async with self._host_slot(urlsplit(request.url).hostname or ""):
            return await transfer_zone(
                zone_request, self._settings, path, self._progress_of_feed(request)
            )

    def _make_downloader(self) -> Downloader:
        return Downloader(self._settings, self._host_slot, self._resolver)

    def _progress_of_feed(self, request: FetchRequest) -> Callable[[int, int | None], None]:
        return partial(self._progress, request.feed.name)

    def _host_slot(self, host: str) -> asyncio.Semaphore:
        return self._slots.setdefault(host, asyncio.Semaphore(self._settings.per_host))
