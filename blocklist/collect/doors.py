"""What is asked of a server, by the scheme of a feed's URL."""

import asyncio
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from blocklist.catalogue import Feed, scheme
from blocklist.collect.download import Asked, Download, Downloader
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
        if scheme(wish.url) == "axfr":
            return await self._zone(wish, path)
        return await self._download(wish, path)

    async def _download(self, wish: Wish, path: Path) -> Download:
        filled, headers = request(wish.feed, wish.url)
        asked = Asked(
            filled, headers, wish.known, wish.max_bytes, shown(wish.url), hashes(wish.feed)
        )
        downloader = Downloader(self._settings, self._slot, self._resolver)
        return await downloader.get(asked, path, partial(self._progress, wish.feed.name))

    async def _zone(self, wish: Wish, path: Path) -> Download:
        from blocklist.collect.transfer import Wanted, transferred

        key = tsig_key(wish.feed)
        wanted = Wanted(wish.url, key, wish.known, wish.base, wish.max_bytes, shown(wish.url))
        async with self._slot(urlsplit(wish.url).hostname or ""):
            progress = partial(self._progress, wish.feed.name)
            return await transferred(wanted, self._settings, path, progress)

    def _slot(self, host: str) -> asyncio.Semaphore:
        return self._slots.setdefault(host, asyncio.Semaphore(self._settings.per_host))
