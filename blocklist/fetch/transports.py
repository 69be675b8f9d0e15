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
    """The ways to servers, with a limit for each host that all feeds share."""

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

    async def fetch_once(self, wish: FetchRequest) -> Download:
        """Try once; raise `FetchError` with a line of plain cause."""
        path = self._scratch / str(next(self._numbers))
        kind, plus, _ = url_scheme(wish.url).partition("+")
        if kind == "axfr":
            return await self._fetch_zone(wish, path)
        if plus:
            return await self._fetch_documents(wish, kind, path)
        return await self._fetch_http(wish, path)

    async def _fetch_http(self, wish: FetchRequest, path: Path) -> Download:
        filled, headers = fill_credentials(wish.feed, wish.url)
        place = redact_url(wish.url)
        asked = HttpRequest(
            filled, headers, wish.validators, wish.max_bytes, place, hash_names(wish.feed)
        )
        return await self._make_downloader().download(asked, path, self._progress_of_feed(wish))

    async def _fetch_documents(self, wish: FetchRequest, kind: str, path: Path) -> Download:
        """Return a list that comes as several documents."""
        from blocklist.fetch.json_documents import JsonDocuments, MalformedDocuments
        from blocklist.fetch.misp import fetch_misp_events
        from blocklist.fetch.taxii import fetch_taxii_collection

        compose = {"misp": fetch_misp_events, "taxii": fetch_taxii_collection}[kind]
        parts = JsonDocuments(
            self._make_downloader(), wish, path.with_suffix(".part"), self._progress_of_feed(wish)
        )
        url = wish.url.partition("+")[2]
        seconds = self._settings.total_timeout
        try:
            async with asyncio.timeout(seconds):
                return await compose(parts, url, wish.validators.etag, wish.base, path)
        except MalformedDocuments as error:
            raise ContentRefused(f"{redact_url(url)}: {error}") from None
        except TimeoutError:
            raise FetchError(f"{redact_url(url)}: not done within {seconds:g} s") from None

    async def _fetch_zone(self, wish: FetchRequest, path: Path) -> Download:
        from blocklist.fetch.axfr import ZoneRequest, transfer_zone

        key = load_tsig_key(wish.feed)
        wanted = ZoneRequest(
            wish.url, key, wish.validators, wish.base, wish.max_bytes, redact_url(wish.url)
        )
        async with self._host_slot(urlsplit(wish.url).hostname or ""):
            return await transfer_zone(wanted, self._settings, path, self._progress_of_feed(wish))

    def _make_downloader(self) -> Downloader:
        return Downloader(self._settings, self._host_slot, self._resolver)

    def _progress_of_feed(self, wish: FetchRequest) -> Callable[[int, int | None], None]:
        return partial(self._progress, wish.feed.name)

    def _host_slot(self, host: str) -> asyncio.Semaphore:
        return self._slots.setdefault(host, asyncio.Semaphore(self._settings.per_host))
