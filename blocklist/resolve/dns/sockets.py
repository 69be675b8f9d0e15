"""UDP sockets to resolvers, the questions to send and the queries in flight."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address

from blocklist.resolve.dns.servers import ResolverAddress
from blocklist.resolve.dns.wire import RandomNumbers

#: Room for the answers that come while the program is busy with others.
_RECEIVE_BUFFER = 1 << 20


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about a name, on whose behalf, and at which resolvers: their places as bits."""

    name: str
    record_type: int
    job: object = None
    resolver_mask: int = -1


@dataclass(slots=True)
class PendingQuery:
    """A question on its way: the bytes it was sent as, from where, and since when."""

    question: Question
    packed_name: bytes
    tries: int = 0
    #: The places of the resolvers that were asked, as bits.
    tried_mask: int = 0
    question_section: bytes = b""
    message_id: int = -1
    udp_socket: "UdpSocket | None" = None
    sent_at: float = 0.0


class UdpSocket:
    """A UDP socket on a random port, connected: the kernel lets only its resolver's answers in.

    Raise `OSError` where the resolver cannot be reached from here at all.
    """

    def __init__(
        self, server: ResolverAddress, place: int, readable: "Callable[[UdpSocket], None]"
    ) -> None:
        bare = server.address.partition("%")[0]
        family = socket.AF_INET6 if ip_address(bare).version == 6 else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.resolver_index = place
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
        self._loop.add_reader(self.socket, readable, self)

    def draw_message_id(self, dice: RandomNumbers) -> int:
        """Return a random number that no question on the way from here has."""
        while (number := dice.draw_number(2)) in self.pending:
            pass
        return number

    def remove_pending(self, flight: PendingQuery) -> None:
        """Take a question out that has its answer, or that is given up."""
        del self.pending[flight.message_id]
        flight.udp_socket = None
        if self._is_retired and not self.pending:
            self.close()

    def retire(self) -> None:
        """Close as soon as nothing is on the way any more."""
        self._is_retired = True
        if not self.pending:
            self.close()

    def close(self) -> None:
        """Give the socket back."""
        with suppress(OSError, ValueError):
            self._loop.remove_reader(self.socket)
        self.socket.close()


async def exchange_over_tcp(server: ResolverAddress, query: bytes, timeout: float) -> bytes:
    """Send a query and return what comes back; raise `OSError` or `TimeoutError` when nothing does.

    A message has its length before it, so more than 64 KiB never arrive.
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
