"""Sockets to resolvers: questions, pending queries, UDP sockets, and one query over TCP."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address

from blocklist.config.dns_servers import DnsServer
from blocklist.resolve.dns.wire import RandomNumbers

#: Buffer for answers that arrive while the program is busy.
_RECEIVE_BUFFER = 1 << 20


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a name, the job it is for, and the bits of the resolvers to ask."""

    name: str
    record_type: int
    job: object = None
    resolver_mask: int = -1


@dataclass(slots=True)
class PendingQuery:
    """A question on its way: its bytes, its socket, and the time it was sent."""

    question: Question
    packed_name: bytes
    tries: int = 0
    #: The indexes of the resolvers that were asked, as bits.
    tried_mask: int = 0
    question_section: bytes = b""
    message_id: int = -1
    udp_socket: "UdpSocket | None" = None
    sent_at: float = 0.0


class UdpSocket:
    """A connected UDP socket on a random port: the kernel accepts only the resolver's packets.

    Creating one raises `OSError` if the resolver cannot be reached from here.
    """

    def __init__(
        self,
        server: DnsServer,
        resolver_index: int,
        on_readable: "Callable[[UdpSocket], None]",
    ) -> None:
        address = server.address.partition("%")[0]
        family = socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.resolver_index = resolver_index
        self.pending: dict[int, PendingQuery] = {}
        self.query_count = 0
        self._is_retired = False
        try:
            self.socket.setblocking(False)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
            self.socket.connect((server.address, server.port))
        except OSError:
            self.socket.close()
            raise
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self.socket, on_readable, self)

    def draw_message_id(self, random_numbers: RandomNumbers) -> int:
        """Return a random message ID that no pending query of this socket has."""
        while (number := random_numbers.draw_number(2)) in self.pending:
            pass
        return number

    def remove_pending(self, query: PendingQuery) -> None:
        """Remove a query that was answered or given up."""
        del self.pending[query.message_id]
        query.udp_socket = None
        if self._is_retired and not self.pending:
            self.close()

    def retire(self) -> None:
        """Close the socket as soon as no query is pending."""
        self._is_retired = True
        if not self.pending:
            self.close()

    def close(self) -> None:
        """Close the socket."""
        with suppress(OSError, ValueError):
            self._loop.remove_reader(self.socket)
        self.socket.close()


async def exchange_over_tcp(server: DnsServer, query: bytes, timeout: float) -> bytes:
    """Send one query over TCP (RFC 7766) and return the answer.

    Raise `OSError` or `TimeoutError` if there is none. A message is preceded by its length in two
    bytes, so it has at most 64 KiB.
    """
    async with asyncio.timeout(timeout):
        reader, writer = await asyncio.open_connection(server.address, server.port)
        try:
            writer.write(len(query).to_bytes(2, "big") + query)
            size = int.from_bytes(await reader.readexactly(2), "big")
            return await reader.readexactly(size)
        except asyncio.IncompleteReadError:
            raise ConnectionError("the answer was cut off") from None
        finally:
            writer.close()
