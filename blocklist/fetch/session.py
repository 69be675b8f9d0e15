"""Fetch many feeds at once: feeds -> futures; mirrors in order, retries, a limit per host.

The event loop runs in its own thread, so one feed is parsed while others are still downloading.
Bodies are stored in files and read into memory only when needed.
"""

import asyncio
import random
from collections.abc import Coroutine
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Self

from blocklist.config.feeds import Feed
from blocklist.config.sections import CollectConfig
from blocklist.fetch.credentials import url_origin
from blocklist.fetch.integrity import hash_names, verify_integrity
from blocklist.fetch.local import read_local_file
from blocklist.fetch.transports import Transports
from blocklist.fetch.types import (
    FeedProgressCallback,
    FetchError,
    FetchRequest,
    FetchResult,
    PendingResult,
    hash_url,
    is_remote_url,
    join_errors,
)
from blocklist.model import NO_VALIDATORS, Validators

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

    from blocklist.fetch.http import Download

#: More than any file of digests or signature has.
_MAX_SIDE_FILE_BYTES = 1 << 20


class FetchSession:
    """An event loop in a thread, which ends with the `with` block, and the fetches in it."""

    def __init__(
        self,
        settings: CollectConfig,
        scratch: Path,
        progress: FeedProgressCallback = lambda *_: None,
        resolver: "AbstractResolver | None" = None,
    ) -> None:
        self._settings = settings
        self._transports = Transports(settings, scratch, progress, resolver)
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="fetching", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(_cancel_others(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def start_fetch(
        self, feed: Feed, known: Validators, base: Path | None = None
    ) -> "Future[PendingResult]":
        """Begin to fetch a feed; the result, when called, reads the body or raises `FetchError`.

        `base` is the list that `known` is about, for servers that tell what changed since.
        """
        work = self._fetch_first_mirror(feed, known, base)
        return asyncio.run_coroutine_threadsafe(self._catch_errors(work), self._loop)

    async def _catch_errors(self, work: Coroutine[None, None, PendingResult]) -> PendingResult:
        try:
            return await work
        except FetchError as error:
            return partial(_raise_error, error)
        except Exception as error:
            return partial(
                _raise_error, FetchError(f"not fetched: unexpected {type(error).__name__}")
            )

    async def _fetch_first_mirror(
        self, feed: Feed, known: Validators, base: Path | None = None
    ) -> PendingResult:
        """Ask the mirrors in order until one answers; raise `FetchError` when none does."""
        errors = []
        for url in feed.urls:
            try:
                return await self._fetch_mirror(feed, url, known, base)
            except FetchError as error:
                errors.append(error)
        raise join_errors(errors)

    async def _fetch_mirror(
        self, feed: Feed, url: str, known: Validators, base: Path | None
    ) -> PendingResult:
        max_bytes = feed.max_bytes or self._settings.max_bytes
        if not is_remote_url(url):
            found = await asyncio.to_thread(read_local_file, url, max_bytes, hash_names(feed))
            await self._verify_result(feed, url, found)
            return lambda: found
        if known.source != hash_url(url):
            known, base = NO_VALIDATORS, None
        got = await self._fetch_with_retries(FetchRequest(feed, url, known, base, max_bytes))
        if got.path is not None:
            await self._verify_result(feed, url, got)
        return partial(_read_download, got, url)

    async def _fetch_with_retries(self, wish: FetchRequest) -> "Download":
        """Try again where that may help, with pauses that double, and some chance in them."""
        for tried in range(1, self._settings.tries + 1):
            try:
                return await self._transports.fetch_once(wish)
            except FetchError as error:
                longest = self._settings.max_wait
                if (
                    not error.can_retry
                    or tried == self._settings.tries
                    or (error.retry_after or 0) > longest
                ):
                    raise
                pause = min(self._settings.backoff * 2 ** (tried - 1), longest)
                chance = random.uniform(0.5, 1)  # noqa: S311 - so that many do not come at once
                await asyncio.sleep(
                    pause * chance if error.retry_after is None else error.retry_after
                )
        raise AssertionError("the last try returns or raises")

    async def _verify_result(self, feed: Feed, url: str, got: "Download | FetchResult") -> None:
        """Raise `Unacceptable` unless the list is what the feed says that it must be."""
        if hash_names(feed):
            await verify_integrity(
                feed, url, got.digests, got.read_body, partial(self._fetch_side_file, feed)
            )

    async def _fetch_side_file(self, feed: Feed, place: str) -> bytes:
        """Return a small file that belongs to a list; secrets go to the feed's own server only."""
        other = replace(feed, urls=(place,), sha256="", minisign="", max_bytes=_MAX_SIDE_FILE_BYTES)
        if url_origin(place) not in {url_origin(url) for url in feed.urls}:
            other = replace(other, headers=(), token_env="", token_file="")
        answer = (await self._fetch_first_mirror(other, NO_VALIDATORS))()
        return answer.body or b""


def _read_download(got: "Download", url: str) -> FetchResult:
    body = None
    if got.path is not None:
        body = got.path.read_bytes()
        got.path.unlink()
    said = replace(got.validators, source=hash_url(url))
    return FetchResult(body, url, said, got.content_type, got.digests)


def _raise_error(error: FetchError) -> FetchResult:
    raise error


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
