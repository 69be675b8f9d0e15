"""What is asked of a server, by the scheme of a feed's URL."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from blocklist.catalogue import Feed, scheme
from blocklist.collect.download import Asked, Download, Downloader
from blocklist.collect.errors import FetchError, Unacceptable
from blocklist.collect.proof import hashes
from blocklist.collect.secret import request, shown, tsig_key
from blocklist.config import Collect
from blocklist.ledger.health import Validators

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

    from blocklist.collect.remote import Progress


@dataclass(frozen=True, slots=True)
class Wish:
    """A feed's list that is wanted from one of its URLs, and what is had of it already."""

    feed: Feed
    url: str
    known: Validators
    #: The list that `known` is about.
    base: Path | None
    max_bytes: int


class Doors:
    """The ways to servers, with a limit for each host that all feeds share."""

    def __init__(
        self,
        settings: Collect,
        scratch: Path,
        progress: "Progress",
        resolver: "AbstractResolver | None",
    ) -> None:
        self._settings = settings
        self._scratch = scratch
        self._progress = progress
        self._resolver = resolver
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._numbers = count()

    async def get(self, wish: Wish) -> Download:
        """Try once; raise `FetchError` with a line of plain cause."""
        path = self._scratch / str(next(self._numbers))
        kind, plus, _ = scheme(wish.url).partition("+")
        if kind == "axfr":
            return await self._zone(wish, path)
        if plus:
            return await self._composed(wish, kind, path)
        return await self._download(wish, path)

    async def _download(self, wish: Wish, path: Path) -> Download:
        filled, headers = request(wish.feed, wish.url)
        place = shown(wish.url)
        asked = Asked(filled, headers, wish.known, wish.max_bytes, place, hashes(wish.feed))
        return await self._downloader().get(asked, path, self._moved(wish))

    async def _composed(self, wish: Wish, kind: str, path: Path) -> Download:
        """Return a list that comes as several documents."""
        from blocklist.collect.misp import events
        from blocklist.collect.parts import Malformed, Parts
        from blocklist.collect.taxii import collection

        compose = {"misp": events, "taxii": collection}[kind]
        parts = Parts(self._downloader(), wish, path.with_suffix(".part"), self._moved(wish))
        url = wish.url.partition("+")[2]
        seconds = self._settings.total_timeout
        try:
            async with asyncio.timeout(seconds):
                return await compose(parts, url, wish.known.etag, wish.base, path)
        except Malformed as error:
            raise Unacceptable(f"{shown(url)}: {error}") from None
        except TimeoutError:
            raise FetchError(f"{shown(url)}: not done within {seconds:g} s") from None

    async def _zone(self, wish: Wish, path: Path) -> Download:
        from blocklist.collect.transfer import Wanted, transferred

        key = tsig_key(wish.feed)
        wanted = Wanted(wish.url, key, wish.known, wish.base, wish.max_bytes, shown(wish.url))
        async with self._slot(urlsplit(wish.url).hostname or ""):
            return await transferred(wanted, self._settings, path, self._moved(wish))

    def _downloader(self) -> Downloader:
        return Downloader(self._settings, self._slot, self._resolver)

    def _moved(self, wish: Wish) -> Callable[[int, int | None], None]:
        return partial(self._progress, wish.feed.name)

    def _slot(self, host: str) -> asyncio.Semaphore:
        return self._slots.setdefault(host, asyncio.Semaphore(self._settings.per_host))
