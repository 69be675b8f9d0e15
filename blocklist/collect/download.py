"""One try at one URL over HTTP: follow redirects within bounds, stream the body into a file."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from blocklist import __version__
from blocklist.collect.addresses import Reach, is_public
from blocklist.collect.causes import bad_status, plain
from blocklist.collect.errors import FetchError, Unacceptable
from blocklist.collect.proof import Hashes
from blocklist.collect.unpack import Unpacker
from blocklist.collect.zipped import is_zip, members
from blocklist.config import Collect
from blocklist.ledger.health import NO_VALIDATORS, Validators

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession
    from aiohttp.abc import AbstractResolver
    from yarl import URL

USER_AGENT = f"blocklist/{__version__} (+manages the blocklist of one network)"
_REDIRECTS = (301, 302, 303, 307, 308)
_PIECE = 1 << 16

#: Told how many bytes came and how many are to come, when the server says so.
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a server, and how much is taken."""

    url: str
    headers: dict[str, str]
    known: Validators
    max_bytes: int
    #: How it is called in messages: without secrets.
    shown: str
    #: Names of the hashes that are wanted of it.
    hashes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Download:
    """An answer: the file that holds its body unpacked, none when all is as it was."""

    path: Path | None
    said: Validators = NO_VALIDATORS
    content_type: str = ""
    #: Of the file as published and of what was in it, as far as they are wanted.
    digests: frozenset[str] = frozenset()
    headers: Mapping[str, str] = field(default_factory=dict)

    def read(self) -> bytes:
        """Return the body."""
        assert self.path is not None
        return self.path.read_bytes()


class Downloader:
    """Makes requests for one feed: its sockets know where that feed may lead."""

    def __init__(
        self,
        settings: Collect,
        slot: Callable[[str], asyncio.Semaphore],
        resolver: "AbstractResolver | None" = None,
    ) -> None:
        """`slot` gives the semaphore of a host, shared by all feeds."""
        self._settings = settings
        self._slot = slot
        self._resolver = resolver

    async def get(self, asked: Asked, path: Path, progress: Progress) -> Download:
        """Return the answer, its body in `path`; raise `FetchError` with a line of plain cause."""
        from aiohttp import ClientError

        reach = Reach()
        try:
            async with self._session(reach) as session:
                return await self._follow(session, reach, asked, path, progress)
        except TimeoutError as error:
            raise self._late(asked.shown, error) from None
        except (ClientError, OSError, ValueError, asyncio.IncompleteReadError) as error:
            raise plain(asked.shown, reach, error) from None

    @asynccontextmanager
    async def _session(self, reach: Reach) -> AsyncIterator["ClientSession"]:
        from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
        from aiohttp.resolver import ThreadedResolver

        connector = TCPConnector(
            ssl=ssl.create_default_context(),
            resolver=self._resolver or ThreadedResolver(),
            socket_factory=reach.socket,
            limit=0,
        )
        timeout = ClientTimeout(
            total=None,
            connect=self._settings.connect_timeout,
            sock_connect=self._settings.connect_timeout,
            sock_read=self._settings.read_timeout,
        )
        async with ClientSession(
            connector=connector,
            timeout=timeout,
            cookie_jar=DummyCookieJar(),
            auto_decompress=False,
        ) as session:
            yield session

    async def _follow(
        self, session: "ClientSession", reach: Reach, asked: Asked, path: Path, progress: Progress
    ) -> Download:
        from yarl import URL

        url, seen = URL(asked.url), set[str]()
        headers = _own_headers(asked)
        for _ in range(self._settings.max_redirects + 1):
            if str(url) in seen:
                raise FetchError(f"{asked.shown}: redirects in a circle")
            seen.add(str(url))
            ask = partial(session.get, url, headers=headers, proxy=_proxy(url, reach))
            async with (
                self._slot(url.host or ""),
                asyncio.timeout(self._settings.total_timeout),  # not of the wait for a slot
                ask(allow_redirects=False) as response,
            ):
                if response.status not in _REDIRECTS:
                    return await self._answer(response, asked, path, progress)
                onward = _onward(asked.shown, url, response)
            if onward.origin() != url.origin():
                headers = _own_headers(asked, secrets=False)
            reach.redirected = True
            url = onward
        raise FetchError(f"{asked.shown}: redirects more than {self._settings.max_redirects} times")

    async def _answer(
        self, response: "ClientResponse", asked: Asked, path: Path, progress: Progress
    ) -> Download:
        if response.status == 304:
            if asked.known == NO_VALIDATORS:
                raise FetchError(
                    f"{asked.shown}: answers 304, unchanged, though nothing is known of it"
                )
            return Download(None, asked.known)
        if response.status != 200:
            raise bad_status(asked.shown, response)
        length = response.content_length
        if length is not None and length > asked.max_bytes:
            raise Unacceptable(
                f"{asked.shown}: {length:,} bytes, more than the {asked.max_bytes:,} of any list"
            )
        try:
            digests = await _stored(response, asked, path, progress)
        except Unacceptable as error:
            raise Unacceptable(f"{asked.shown}: {error}") from None
        said = Validators(_only(response, "ETag"), _only(response, "Last-Modified"))
        content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return Download(path, said, content_type, digests, response.headers)

    def _late(self, where: str, error: TimeoutError) -> FetchError:
        from aiohttp import ConnectionTimeoutError, SocketTimeoutError

        settings = self._settings
        if isinstance(error, ConnectionTimeoutError):
            cause = f"no connection within {settings.connect_timeout:g} s"
        elif isinstance(error, SocketTimeoutError):
            cause = f"the server said nothing for {settings.read_timeout:g} s"
        else:
            return FetchError(f"{where}: not done within {settings.total_timeout:g} s")
        return FetchError(f"{where}: {cause}", again=True)


def _own_headers(asked: Asked, *, secrets: bool = True) -> dict[str, str]:
    """Return what is sent; secrets go to the feed's own server only."""
    headers = {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "gzip, br, zstd"}
    if asked.known.etag:
        headers["If-None-Match"] = asked.known.etag
    if asked.known.modified:
        headers["If-Modified-Since"] = asked.known.modified
    return headers | asked.headers if secrets else headers


def _onward(where: str, url: "URL", response: "ClientResponse") -> "URL":
    """Return where a redirect leads; raise `FetchError` where it may not."""
    from yarl import URL

    place = response.headers.get("Location", "")
    try:
        onward = url.join(URL(place))
    except ValueError:
        raise FetchError(f"{where}: redirects to a URL that cannot be read") from None
    if not place or onward.scheme not in ("http", "https") or not onward.host:
        raise FetchError(f"{where}: redirects to no place on the web")
    if url.scheme == "https" and onward.scheme == "http":
        raise FetchError(f"{where}: redirects from https down to http, at {onward.host}")
    return onward


def _proxy(url: "URL", reach: Reach) -> str | None:
    """Return the environment's proxy for a URL.

    Then it is the proxy that finds the address, and only one that is written down can be checked.
    """
    from urllib.request import getproxies, proxy_bypass

    host = url.host or ""
    proxy = getproxies().get(url.scheme)
    reach.proxied = bool(proxy) and not proxy_bypass(host)
    if not proxy or not reach.proxied:
        return None
    if re.fullmatch(r"[0-9.]+|.*:.*", host) and reach.redirected and not is_public(host):
        reach.refused = host
        raise PermissionError(f"{host} is not public")
    return proxy if "://" in proxy else f"http://{proxy}"


def _only(response: "ClientResponse", name: str) -> str | None:
    """Return a header's value, none where a server contradicts itself."""
    values = set(response.headers.getall(name, []))
    return values.pop()[:1000] if len(values) == 1 else None


async def _stored(
    response: "ClientResponse", asked: Asked, path: Path, progress: Progress
) -> frozenset[str]:
    """Stream the body into a file, unpacked; return the digests as sent and as unpacked."""
    unpacker = Unpacker(asked.max_bytes, response.headers.get("Content-Encoding", ""))
    sent, inner = Hashes(asked.hashes), Hashes(asked.hashes)
    with path.open("wb") as file:
        async for data in response.content.iter_chunked(_PIECE):
            sent.update(data)
            for piece in unpacker.feed(data):
                inner.update(piece)
                file.write(piece)
            progress(unpacker.taken, response.content_length)
        for piece in unpacker.finish():
            inner.update(piece)
            file.write(piece)
    digests = sent.digests() | inner.digests()
    if is_zip(path):
        digests |= await asyncio.to_thread(_unzipped, path, asked)
    return frozenset(digests)


def _unzipped(path: Path, asked: Asked) -> set[str]:
    """Put what is in a zip in its place, and return its digests."""
    beside = path.with_suffix(".unzipped")
    inner = Hashes(asked.hashes)
    with beside.open("wb") as file:
        for piece in members(path, asked.max_bytes):
            inner.update(piece)
            file.write(piece)
    beside.replace(path)
    return inner.digests()
