"""Fetch many feeds at once: feeds -> futures; mirrors in order, retries, a limit per host.

The event loop runs in its own thread, so one feed is parsed while others are still downloading.
Bodies are stored in files and read into memory only when needed.
"""

import asyncio
import logging
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
from blocklist.fetch.credentials import redact_url, url_origin
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

logger = logging.getLogger(__name__)

#: No file of digests or signatures is larger.
_MAX_SIDE_FILE_BYTES = 1 << 20


class FetchSession:
    """Fetches feeds in an event loop in a thread; both end with the `with` block."""

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
        self._thread = Thread(target=self._run_loop, name="fetching", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(_end_all_work(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run_loop(self) -> None:
        """Run the loop until it is stopped, also if a task raises `SystemExit`."""
        while True:
            try:
                self._loop.run_forever()
                return
            except (SystemExit, KeyboardInterrupt):
                # The future of the task has it as well, and raises it in the caller's thread.
                logger.debug("a task tried to end the loop")

    def start_fetch(
        self, feed: Feed, validators: Validators, base: Path | None = None
    ) -> "Future[PendingResult]":
        """Start to fetch a feed; calling the result reads the body or raises `FetchError`.

        `base` is the stored list that the validators belong to, for servers that send only changes.
        """
        work = self._fetch_first_mirror(feed, validators, base)
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
        self, feed: Feed, validators: Validators, base: Path | None = None
    ) -> PendingResult:
        """Try the mirrors in order until one answers; raise `FetchError` if none does."""
        errors = []
        for url in feed.urls:
            try:
                return await self._fetch_mirror(feed, url, validators, base)
            except FetchError as error:
                logger.debug("%s: mirror %s failed: %s", feed.name, redact_url(url), error)
                errors.append(error)
        raise join_errors(errors)

    async def _fetch_mirror(
        self, feed: Feed, url: str, validators: Validators, base: Path | None
    ) -> PendingResult:
        max_bytes = feed.max_bytes or self._settings.max_bytes
        if not is_remote_url(url):
            result = await asyncio.to_thread(read_local_file, url, max_bytes, hash_names(feed))
            await self._verify_result(feed, url, result)
            return lambda: result
        if validators.source != hash_url(url):
            validators, base = NO_VALIDATORS, None
        download = await self._fetch_with_retries(
            FetchRequest(feed, url, validators, base, max_bytes)
        )
        if download.path is not None:
            await self._verify_result(feed, url, download)
        return partial(_read_download, download, url)

    async def _fetch_with_retries(self, request: FetchRequest) -> "Download":
        """Try again where that may help, after delays that double, with random jitter."""
        for attempt in range(1, self._settings.tries + 1):
            try:
                return await self._transports.fetch_once(request)
            except FetchError as error:
                max_wait = self._settings.max_wait
                if (
                    not error.can_retry
                    or attempt == self._settings.tries
                    or (error.retry_after or 0) > max_wait
                ):
                    raise
                delay = (
                    self._retry_delay(attempt) if error.retry_after is None else error.retry_after
                )
                name = request.feed.name
                logger.debug(
                    "%s: attempt %d failed, next in %.1f s: %s", name, attempt, delay, error
                )
                await asyncio.sleep(delay)
        raise AssertionError("the last try returns or raises")

    def _retry_delay(self, attempt: int) -> float:
        delay: float = min(self._settings.backoff * 2 ** (attempt - 1), self._settings.max_wait)
        return delay * random.uniform(0.5, 1)  # noqa: S311 - spreads simultaneous retries

    async def _verify_result(
        self, feed: Feed, url: str, download: "Download | FetchResult"
    ) -> None:
        """Raise `ContentRefused` unless the list passes the integrity checks of the feed."""
        if hash_names(feed):
            await verify_integrity(
                feed,
                url,
                download.digests,
                download.read_body,
                partial(self._fetch_side_file, feed),
            )

    async def _fetch_side_file(self, feed: Feed, url: str) -> bytes:
        """Return a small file that belongs to a list; secrets go to the feed's own server only."""
        side_feed = replace(
            feed, urls=(url,), sha256="", minisign="", max_bytes=_MAX_SIDE_FILE_BYTES
        )
        if url_origin(url) not in {url_origin(feed_url) for feed_url in feed.urls}:
            side_feed = replace(side_feed, headers=(), token_env="", token_file="")
        answer = (await self._fetch_first_mirror(side_feed, NO_VALIDATORS))()
        return answer.body or b""


def _read_download(download: "Download", url: str) -> FetchResult:
    body = None
    if download.path is not None:
        body = download.path.read_bytes()
        download.path.unlink()
    validators = replace(download.validators, source=hash_url(url))
    return FetchResult(body, url, validators, download.content_type, download.digests)


def _raise_error(error: FetchError) -> FetchResult:
    raise error


async def _end_all_work() -> None:
    """Cancel all other tasks, and wait until they and the helper threads have ended."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_default_executor()
