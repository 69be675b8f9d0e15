"""A server on loopback with every fault of a feed's server, byte by byte."""

import asyncio
import gzip
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread

Headers = dict[str, str]


@dataclass(frozen=True)
class Asked:
    """A received request."""

    path: str
    headers: Headers
    port: int
    #: How often this path was asked for, from 1.
    times: int
    query: str = ""


@dataclass
class Connection:
    """The connection that a fault writes to; it counts the bytes of bodies."""

    writer: asyncio.StreamWriter
    body_bytes: int = 0

    async def head(self, status: str, *lines: str) -> None:
        text = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", *lines))
        self.writer.write(f"{text}Connection: close\r\n\r\n".encode())
        await self.writer.drain()

    async def body(self, data: bytes) -> None:
        self.body_bytes += len(data)
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, status: str, data: bytes, *lines: str) -> None:
        await self.head(status, f"Content-Length: {len(data)}", *lines)
        await self.body(data)


Play = Callable[[Connection, Asked], Awaitable[None]]


@dataclass
class FaultServer:
    """Answers of paths; any other path is a 404."""

    plays: dict[str, Play] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    body_bytes: int = 0
    ports: dict[str, int] = field(default_factory=dict)

    def url(self, path: str, kind: str = "http", host: str = "127.0.0.2") -> str:
        scheme = "http" if kind == "http" else "https"
        return f"{scheme}://{host}:{self.ports[kind]}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                await self._play(reader, writer)
                writer.close()
                await writer.wait_closed()
        finally:
            writer.transport.abort()

    async def _play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        request, *lines = head.split("\r\n")
        path, _, query = request.split(" ")[1].partition("?")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines if line)
        }
        self.counts[path] += 1
        port = writer.get_extra_info("sockname")[1]
        asked = Asked(path, headers, port, self.counts[path], query)
        self.asked.append(asked)
        connection = Connection(writer)
        try:
            await self.plays.get(path, not_found)(connection, asked)
        finally:
            self.body_bytes += connection.body_bytes


@asynccontextmanager
async def _listening(
    server: FaultServer, contexts: dict[str, ssl.SSLContext]
) -> AsyncIterator[None]:
    kinds: dict[str, ssl.SSLContext | None] = {"http": None, **contexts}
    # All of 127.0.0.0/8, so that only the client's rules keep a request from arriving.
    open_ = [
        (kind, await asyncio.start_server(server.serve, "0.0.0.0", 0, ssl=context))
        for kind, context in kinds.items()
    ]
    server.ports.update({kind: each.sockets[0].getsockname()[1] for kind, each in open_})
    try:
        yield
    finally:
        for _, each in open_:
            each.close()


@contextmanager
def running(server: FaultServer, contexts: dict[str, ssl.SSLContext]) -> Iterator[FaultServer]:
    """Run the server in a thread; `contexts` are further ports with TLS, by name."""
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # clients that hang up are what this is for
    place = _listening(server, contexts)
    loop.run_until_complete(place.__aenter__())
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(_end(place), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(place: object) -> None:
    await place.__aexit__(None, None, None)  # type: ignore[attr-defined]
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0.01)  # transports close a turn later


# What follows are the faults: each takes its list of good names where it needs one.


async def not_found(to: Connection, asked: Asked) -> None:
    await to.answer("404 Not Found", b"gone")


def says(data: bytes, *lines: str, status: str = "200 OK") -> Play:
    async def play(to: Connection, asked: Asked) -> None:
        await to.answer(status, data, *lines)

    return play


def good(data: bytes, *lines: str) -> Play:
    """Answer correctly, with validators, and with 304 if they match."""
    etag = f'"{hash(data):x}"'

    async def play(to: Connection, asked: Asked) -> None:
        if asked.headers.get("if-none-match") == etag:
            await to.head("304 Not Modified", f"ETag: {etag}")
        else:
            await to.answer("200 OK", data, f"ETag: {etag}", *lines)

    return play


def in_turn(*plays: Play) -> Play:
    async def play(to: Connection, asked: Asked) -> None:
        await plays[min(asked.times, len(plays)) - 1](to, asked)

    return play


def redirect(place: Callable[[Asked], str], *lines: str) -> Play:
    async def play(to: Connection, asked: Asked) -> None:
        await to.answer("302 Found", b"", f"Location: {place(asked)}", *lines)

    return play


async def always_unchanged(to: Connection, asked: Asked) -> None:
    await to.head("304 Not Modified")


async def slow_loris(to: Connection, asked: Asked) -> None:
    await to.head("200 OK", "Content-Length: 1000000")
    while True:
        await to.body(b"a")
        await asyncio.sleep(0.05)


async def silence(to: Connection, asked: Asked) -> None:
    await asyncio.sleep(3600)


async def endless(to: Connection, asked: Asked) -> None:
    await to.head("200 OK")
    while True:
        await to.body(b"more.example\n" * 5000)


async def claims_too_much(to: Connection, asked: Asked) -> None:
    await to.head("200 OK", "Content-Length: 10000000000")
    await silence(to, asked)


def bomb(size: int) -> bytes:
    return gzip.compress(b"\n" * size, 9)


def hangs_up(data: bytes) -> Play:
    """Close the connection in the middle of a chunked body."""

    async def play(to: Connection, asked: Asked) -> None:
        await to.head("200 OK", "Transfer-Encoding: chunked")
        await to.body(f"{len(data) * 2:x}\r\n".encode() + data)
        to.writer.transport.abort()

    return play


def wrong_length(data: bytes) -> Play:
    async def play(to: Connection, asked: Asked) -> None:
        await to.head("200 OK", f"Content-Length: {len(data) + 100}")
        await to.body(data)

    return play


def two_lengths(data: bytes) -> Play:
    async def play(to: Connection, asked: Asked) -> None:
        await to.head("200 OK", f"Content-Length: {len(data)}", "Content-Length: 3")
        await to.body(data)

    return play
