"""Download one URL over HTTP once: request -> decompressed body in a file.

Redirects are followed within limits, and the body is streamed.
"""

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
from blocklist.config.sections import CollectConfig
from blocklist.fetch.decompress import StreamDecompressor, is_zip_file, read_zip_member
from blocklist.fetch.http_errors import error_from_exception, error_from_status
from blocklist.fetch.integrity import BodyHashes
from blocklist.fetch.ssrf import SsrfGuard, is_public_address
from blocklist.fetch.types import ContentRefused, FetchError
from blocklist.model import NO_VALIDATORS, Validators

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession
    from aiohttp.abc import AbstractResolver
    from yarl import URL

USER_AGENT = f"blocklist/{__version__} (+manages the blocklist of one network)"
_REDIRECT_STATUSES = (301, 302, 303, 307, 308)
_CHUNK_BYTES = 1 << 16

#: Told how many bytes came and how many are to come, when the server says so.
ByteProgressCallback = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What is asked of a server, and how much is taken."""

    url: str
    headers: dict[str, str]
    validators: Validators
    max_bytes: int
    #: How it is called in messages: without secrets.
    display_url: str
    #: Names of the hashes that are wanted of it.
    hash_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Download:
    """An answer: the file that holds its body unpacked, none when all is as it was."""

    path: Path | None
    validators: Validators = NO_VALIDATORS
    content_type: str = ""
    #: Of the file as published and of what was in it, as far as they are wanted.
    digests: frozenset[str] = frozenset()
    headers: Mapping[str, str] = field(default_factory=dict)

    def read_body(self) -> bytes:
        """Return the body."""
        assert self.path is not None
        return self.path.read_bytes()


class Downloader:
    """Makes requests for one feed: its sockets know where that feed may lead."""

    def __init__(
        self,
        settings: CollectConfig,
        slot: Callable[[str], asyncio.Semaphore],
        resolver: "AbstractResolver | None" = None,
    ) -> None:
        """`slot` gives the semaphore of a host, shared by all feeds."""
        self._settings = settings
        self._slot = slot
        self._resolver = resolver

    async def download(
        self, asked: HttpRequest, path: Path, progress: ByteProgressCallback
    ) -> Download:
        """Return the answer, its body in `path`; raise `FetchError` with a line of plain cause."""
        from aiohttp import ClientError

        reach = SsrfGuard()
        try:
            async with self._open_session(reach) as session:
                return await self._follow_redirects(session, reach, asked, path, progress)
        except TimeoutError as error:
            raise self._timeout_error(asked.display_url, error) from None
        except (ClientError, OSError, ValueError, asyncio.IncompleteReadError) as error:
            raise error_from_exception(asked.display_url, reach, error) from None

    @asynccontextmanager
    async def _open_session(self, reach: SsrfGuard) -> AsyncIterator["ClientSession"]:
        from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
        from aiohttp.resolver import ThreadedResolver

        connector = TCPConnector(
            ssl=ssl.create_default_context(),
            resolver=self._resolver or ThreadedResolver(),
            socket_factory=reach.create_socket,
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

    async def _follow_redirects(
        self,
        session: "ClientSession",
        reach: SsrfGuard,
        asked: HttpRequest,
        path: Path,
        progress: ByteProgressCallback,
    ) -> Download:
        from yarl import URL

        url, seen = URL(asked.url), set[str]()
        headers = _build_headers(asked)
        for _ in range(self._settings.max_redirects + 1):
            if str(url) in seen:
                raise FetchError(f"{asked.display_url}: redirects in a circle")
            seen.add(str(url))
            ask = partial(session.get, url, headers=headers, proxy=_select_proxy(url, reach))
            async with (
                self._slot(url.host or ""),
                asyncio.timeout(self._settings.total_timeout),  # not of the wait for a slot
                ask(allow_redirects=False) as response,
            ):
                if response.status not in _REDIRECT_STATUSES:
                    return await self._handle_response(response, asked, path, progress)
                onward = _resolve_redirect(asked.display_url, url, response)
            if onward.origin() != url.origin():
                headers = _build_headers(asked, secrets=False)
            reach.is_redirected = True
            url = onward
        raise FetchError(
            f"{asked.display_url}: redirects more than {self._settings.max_redirects} times"
        )

    async def _handle_response(
        self,
        response: "ClientResponse",
        asked: HttpRequest,
        path: Path,
        progress: ByteProgressCallback,
    ) -> Download:
        if response.status == 304:
            if asked.validators == NO_VALIDATORS:
                raise FetchError(
                    f"{asked.display_url}: answers 304, unchanged, though nothing is known of it"
                )
            return Download(None, asked.validators)
        if response.status != 200:
            raise error_from_status(asked.display_url, response)
        length = response.content_length
        if length is not None and length > asked.max_bytes:
            raise ContentRefused(
                f"{asked.display_url}: {length:,} bytes, "
                f"more than the {asked.max_bytes:,} of any list"
            )
        try:
            digests = await _store_body(response, asked, path, progress)
        except ContentRefused as error:
            raise ContentRefused(f"{asked.display_url}: {error}") from None
        said = Validators(
            _single_header(response, "ETag"), _single_header(response, "Last-Modified")
        )
        content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return Download(path, said, content_type, digests, response.headers)

    def _timeout_error(self, where: str, error: TimeoutError) -> FetchError:
        from aiohttp import ConnectionTimeoutError, SocketTimeoutError

        settings = self._settings
        if isinstance(error, ConnectionTimeoutError):
            cause = f"no connection within {settings.connect_timeout:g} s"
        elif isinstance(error, SocketTimeoutError):
            cause = f"the server said nothing for {settings.read_timeout:g} s"
        else:
            return FetchError(f"{where}: not done within {settings.total_timeout:g} s")
        return FetchError(f"{where}: {cause}", again=True)


def _build_headers(asked: HttpRequest, *, secrets: bool = True) -> dict[str, str]:
    """Return what is sent; secrets go to the feed's own server only."""
    headers = {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "gzip, br, zstd"}
    if asked.validators.etag:
        headers["If-None-Match"] = asked.validators.etag
    if asked.validators.modified:
        headers["If-Modified-Since"] = asked.validators.modified
    return headers | asked.headers if secrets else headers


def _resolve_redirect(where: str, url: "URL", response: "ClientResponse") -> "URL":
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


def _select_proxy(url: "URL", reach: SsrfGuard) -> str | None:
    """Return the environment's proxy for a URL.

    Then it is the proxy that finds the address, and only one that is written down can be checked.
    """
    from urllib.request import getproxies, proxy_bypass

    host = url.host or ""
    proxy = getproxies().get(url.scheme)
    reach.is_proxied = bool(proxy) and not proxy_bypass(host)
    if not proxy or not reach.is_proxied:
        return None
    if re.fullmatch(r"[0-9.]+|.*:.*", host) and reach.is_redirected and not is_public_address(host):
        reach.refused_address = host
        raise PermissionError(f"{host} is not public")
    return proxy if "://" in proxy else f"http://{proxy}"


def _single_header(response: "ClientResponse", name: str) -> str | None:
    """Return a header's value, none where a server contradicts itself."""
    values = set(response.headers.getall(name, []))
    return values.pop()[:1000] if len(values) == 1 else None


async def _store_body(
    response: "ClientResponse", asked: HttpRequest, path: Path, progress: ByteProgressCallback
) -> frozenset[str]:
    """Stream the body into a file, unpacked; return the digests as sent and as unpacked."""
    unpacker = StreamDecompressor(asked.max_bytes, response.headers.get("Content-Encoding", ""))
    sent, inner = BodyHashes(asked.hash_names), BodyHashes(asked.hash_names)
    with path.open("wb") as file:
        async for data in response.content.iter_chunked(_CHUNK_BYTES):
            sent.update(data)
            for piece in unpacker.decompress_piece(data):
                inner.update(piece)
                file.write(piece)
            progress(unpacker.bytes_in, response.content_length)
        for piece in unpacker.finish():
            inner.update(piece)
            file.write(piece)
    digests = sent.digests() | inner.digests()
    if is_zip_file(path):
        digests |= await asyncio.to_thread(_unzip_in_place, path, asked)
    return frozenset(digests)


def _unzip_in_place(path: Path, asked: HttpRequest) -> set[str]:
    """Put what is in a zip in its place, and return its digests."""
    beside = path.with_suffix(".unzipped")
    inner = BodyHashes(asked.hash_names)
    with beside.open("wb") as file:
        for piece in read_zip_member(path, asked.max_bytes):
            inner.update(piece)
            file.write(piece)
    beside.replace(path)
    return inner.digests()
