"""Download one URL over HTTP once: request -> decompressed body in a file.

Redirects are followed within limits, and the body is streamed.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from blocklist import __version__
from blocklist.config.sections import CollectConfig
from blocklist.fetch.decompress import StreamDecompressor, is_zip_file, read_zip_member
from blocklist.fetch.http_errors import error_from_exception, error_from_status
from blocklist.fetch.integrity import BodyHashes
from blocklist.fetch.proxies import select_proxy
from blocklist.fetch.ssrf import AddressInfo, SsrfGuard
from blocklist.fetch.types import ContentRefused, FetchError
from blocklist.model import NO_VALIDATORS, Validators

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession
    from aiohttp.abc import AbstractResolver
    from yarl import URL

logger = logging.getLogger(__name__)

USER_AGENT = f"blocklist/{__version__} (+manages the blocklist of one network)"
_REDIRECT_STATUSES = (301, 302, 303, 307, 308)
_CHUNK_BYTES = 1 << 16
#: How often to look whether closed connections have ended; one turn is usually enough.
_CLOSING_TURNS = 1000

#: Called with the bytes received and the bytes expected, if the server states them.
ByteProgressCallback = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request to a server, and the limits of its answer."""

    url: str
    headers: dict[str, str]
    validators: Validators
    max_bytes: int
    #: The URL for messages, without secrets.
    display_url: str
    #: Names of the hashes to compute.
    hash_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Download:
    """An answer: the file with the decompressed body, or no file if nothing changed."""

    path: Path | None
    validators: Validators = NO_VALIDATORS
    content_type: str = ""
    #: Digests of the file as published and of its content, for the requested hashes.
    digests: frozenset[str] = frozenset()
    headers: Mapping[str, str] = field(default_factory=dict)

    def read_body(self) -> bytes:
        """Return the body; call it only if there is one."""
        assert self.path is not None
        return self.path.read_bytes()


class Downloader:
    """Makes the HTTP requests of one feed; redirects to private addresses are refused."""

    def __init__(
        self,
        settings: CollectConfig,
        host_slot: Callable[[str], asyncio.Semaphore],
        resolver: "AbstractResolver | None" = None,
    ) -> None:
        """Set the limits; `host_slot` returns the semaphore of a host, which all feeds share."""
        self._settings = settings
        self._slot = host_slot
        self._resolver = resolver

    async def download(
        self, request: HttpRequest, path: Path, progress: ByteProgressCallback
    ) -> Download:
        """Return the answer, its body in `path`; raise `FetchError` with a plain cause."""
        from aiohttp import ClientError

        guard = SsrfGuard()
        try:
            async with self._open_session(guard) as session:
                return await self._follow_redirects(session, guard, request, path, progress)
        except TimeoutError as error:
            raise self._timeout_error(request.display_url, error) from None
        except (ClientError, OSError, ValueError, asyncio.IncompleteReadError) as error:
            raise error_from_exception(request.display_url, guard, error) from None

    @asynccontextmanager
    async def _open_session(self, guard: SsrfGuard) -> AsyncIterator["ClientSession"]:
        from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
        from aiohttp.resolver import ThreadedResolver

        sockets: list[socket.socket] = []

        def create_socket(info: AddressInfo) -> socket.socket:
            sockets.append(guard.create_socket(info))
            return sockets[-1]

        connector = TCPConnector(
            ssl=ssl.create_default_context(),
            resolver=self._resolver or ThreadedResolver(),
            socket_factory=create_socket,
            limit=0,
        )
        timeout = ClientTimeout(
            total=None,
            connect=self._settings.connect_timeout,
            sock_connect=self._settings.connect_timeout,
            sock_read=self._settings.read_timeout,
        )
        try:
            async with ClientSession(
                connector=connector,
                timeout=timeout,
                cookie_jar=DummyCookieJar(),
                auto_decompress=False,
            ) as session:
                yield session
        finally:
            await _end_connections(sockets)

    async def _follow_redirects(
        self,
        session: "ClientSession",
        guard: SsrfGuard,
        request: HttpRequest,
        path: Path,
        progress: ByteProgressCallback,
    ) -> Download:
        from yarl import URL

        url, visited = URL(request.url), set[str]()
        headers = _build_headers(request)
        for _ in range(self._settings.max_redirects + 1):
            if str(url) in visited:
                raise FetchError(f"{request.display_url}: redirects in a loop")
            visited.add(str(url))
            send_request = partial(
                session.get, url, headers=headers, proxy=select_proxy(url, guard)
            )
            async with (
                self._slot(url.host or ""),
                asyncio.timeout(self._settings.total_timeout),  # without the wait for a slot
                send_request(allow_redirects=False) as response,
            ):
                if response.status not in _REDIRECT_STATUSES:
                    return await self._handle_response(response, request, path, progress)
                target = _resolve_redirect(request.display_url, url, response)
            if target.origin() != url.origin():
                headers = _build_headers(request, with_secrets=False)
            guard.is_redirected = True
            url = target
        raise FetchError(
            f"{request.display_url}: redirects more than {self._settings.max_redirects} times"
        )

    async def _handle_response(
        self,
        response: "ClientResponse",
        request: HttpRequest,
        path: Path,
        progress: ByteProgressCallback,
    ) -> Download:
        if response.status == 304:
            if request.validators == NO_VALIDATORS:
                raise FetchError(
                    f"{request.display_url}: answers 304 to a request without conditions"
                )
            return Download(None, request.validators)
        if response.status != 200:
            raise error_from_status(request.display_url, response)
        length = response.content_length
        if length is not None and length > request.max_bytes:
            raise ContentRefused(
                f"{request.display_url}: {length:,} bytes, "
                f"more than the {request.max_bytes:,} of any list"
            )
        try:
            digests = await _store_body(response, request, path, progress)
        except ContentRefused as error:
            raise ContentRefused(f"{request.display_url}: {error}") from None
        validators = Validators(
            _single_header(response, "ETag"), _single_header(response, "Last-Modified")
        )
        content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return Download(path, validators, content_type, digests, response.headers)

    def _timeout_error(self, display_url: str, error: TimeoutError) -> FetchError:
        from aiohttp import ConnectionTimeoutError, SocketTimeoutError

        settings = self._settings
        is_unreachable = isinstance(error, ConnectionTimeoutError)
        if is_unreachable:
            cause = f"no connection within {settings.connect_timeout:g} s"
        elif isinstance(error, SocketTimeoutError):
            cause = f"no data from the server for {settings.read_timeout:g} s"
        else:
            return FetchError(f"{display_url}: not finished within {settings.total_timeout:g} s")
        return FetchError(f"{display_url}: {cause}", can_retry=True, is_unreachable=is_unreachable)


async def _end_connections(sockets: list[socket.socket]) -> None:
    """End the connections that the session left to the server to end.

    The session does not wait for the end of a TLS connection that it closed before its own end
    (RFC 8446 section 6.1: the server answers with a close_notify, or never).
    """
    for each in sockets:
        with suppress(OSError):  # it is closed, or was never connected
            each.shutdown(socket.SHUT_RDWR)
    for _ in range(_CLOSING_TURNS):
        if all(each.fileno() == -1 for each in sockets):
            return
        await asyncio.sleep(0.001)
    logger.debug("a connection did not end")


def _build_headers(request: HttpRequest, *, with_secrets: bool = True) -> dict[str, str]:
    """Return the headers to send; secrets are sent to the feed's own server only."""
    headers = {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "gzip, br, zstd"}
    if request.validators.etag:
        headers["If-None-Match"] = request.validators.etag
    if request.validators.modified:
        headers["If-Modified-Since"] = request.validators.modified
    return headers | request.headers if with_secrets else headers


def _resolve_redirect(display_url: str, url: "URL", response: "ClientResponse") -> "URL":
    """Return the target of a redirect; raise `FetchError` if it is not allowed."""
    from yarl import URL

    location = response.headers.get("Location", "")
    try:
        target = url.join(URL(location))
    except ValueError:
        raise FetchError(f"{display_url}: redirects to a URL that cannot be read") from None
    if not location or target.scheme not in ("http", "https") or not target.host:
        raise FetchError(f"{display_url}: redirects to a non-web address")
    if url.scheme == "https" and target.scheme == "http":
        raise FetchError(f"{display_url}: redirects from https to http, at {target.host}")
    return target


def _single_header(response: "ClientResponse", name: str) -> str | None:
    """Return the value of a header; None if it is missing or contradicts itself."""
    values = set(response.headers.getall(name, []))
    return values.pop()[:1000] if len(values) == 1 else None


async def _store_body(
    response: "ClientResponse", request: HttpRequest, path: Path, progress: ByteProgressCallback
) -> frozenset[str]:
    """Stream the decompressed body into a file; return the digests before and after."""
    decompressor = StreamDecompressor(
        request.max_bytes, response.headers.get("Content-Encoding", "")
    )
    raw_hashes, content_hashes = BodyHashes(request.hash_names), BodyHashes(request.hash_names)
    with path.open("wb") as file:
        async for data in response.content.iter_chunked(_CHUNK_BYTES):
            raw_hashes.update(data)
            for piece in decompressor.decompress_piece(data):
                content_hashes.update(piece)
                file.write(piece)
            progress(decompressor.bytes_in, response.content_length)
        for piece in decompressor.finish():
            content_hashes.update(piece)
            file.write(piece)
    digests = raw_hashes.digests() | content_hashes.digests()
    if is_zip_file(path):
        digests |= await asyncio.to_thread(_unzip_in_place, path, request)
    return frozenset(digests)


def _unzip_in_place(path: Path, request: HttpRequest) -> set[str]:
    """Replace a zip archive by the only file in it; return the digests of that file."""
    unzipped = path.with_suffix(".unzipped")
    content_hashes = BodyHashes(request.hash_names)
    with unzipped.open("wb") as file:
        for piece in read_zip_member(path, request.max_bytes):
            content_hashes.update(piece)
            file.write(piece)
    unzipped.replace(path)
    return content_hashes.digests()
