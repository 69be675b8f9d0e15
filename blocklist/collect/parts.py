"""Documents of JSON that make up one list, fetched one after the other under one cap."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from blocklist.collect.download import Asked, Downloader, Progress
from blocklist.collect.errors import Unacceptable
from blocklist.collect.secret import request, shown
from blocklist.ledger.health import NO_VALIDATORS
from blocklist.parse.documents import MAX_DOCUMENT, Unreadable, load

if TYPE_CHECKING:
    from blocklist.collect.doors import Wish


class Malformed(Exception):
    """The parts do not make up a list; the text says why."""


class Parts:
    """The way to the parts of one list."""

    def __init__(
        self, downloader: Downloader, wish: "Wish", path: Path, progress: Progress
    ) -> None:
        """`path` is where a part waits to be read."""
        self._downloader = downloader
        self._wish = wish
        self._path = path
        self._progress = progress
        self._taken = 0

    async def document(self, url: str, accept: str = "*/*") -> tuple[object, Mapping[str, str]]:
        """Return a document and the headers that it came with; raise `FetchError`."""
        before, where = self._taken, shown(url)
        filled, headers = request(self._wish.feed, url)
        most = min(self._wish.max_bytes, MAX_DOCUMENT)
        asked = Asked(filled, {"Accept": accept, **headers}, NO_VALIDATORS, most, where)
        got = await self._downloader.get(
            asked, self._path, lambda came, _: self._progress(before + came, None)
        )
        self._taken += self._path.stat().st_size
        if self._taken > self._wish.max_bytes:
            raise Malformed(f"more than {self._wish.max_bytes:,} bytes in all, which no list has")
        try:
            return await asyncio.to_thread(lambda: load(got.read())), got.headers
        except Unreadable:
            raise Unacceptable(f"{where}: sends no JSON") from None
