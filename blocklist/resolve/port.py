"""A socket from which questions go to one resolver, and the questions on the way from it."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address

from blocklist.resolve.servers import Server
from blocklist.resolve.wire import Dice

#: Room for the answers that come while the program is busy with others.
_BUFFER = 1 << 20


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about a name, on whose behalf, and at which resolvers: their places as bits."""

    name: str
    kind: int
    job: object = None
    where: int = -1


@dataclass(slots=True)
class Flight:
    """A question on its way: the bytes it was sent as, from where, and since when."""

    question: Question
    packed: bytes
    tries: int = 0
    #: The places of the resolvers that were asked, as bits.
    tried: int = 0
    section: bytes = b""
    identity: int = -1
    port: "Port | None" = None
    sent: float = 0.0


class Port:
    """A UDP socket on a random port, connected: the kernel lets only its resolver's answers in.

    Raise `OSError` where the resolver cannot be reached from here at all.
    """

    def __init__(self, server: Server, place: int, readable: "Callable[[Port], None]") -> None:
        bare = server.address.partition("%")[0]
        family = socket.AF_INET6 if ip_address(bare).version == 6 else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.place = place
        self.pending: dict[int, Flight] = {}
        self.asked = 0
        self._retired = False
        try:
            self.socket.setblocking(False)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            self.socket.connect((server.address, server.port))
        except OSError:
            self.socket.close()
            raise
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self.socket, readable, self)

    def identity(self, dice: Dice) -> int:
        """Return a random number that no question on the way from here has."""
        while (number := dice.number(2)) in self.pending:
            pass
        return number

    def landed(self, flight: Flight) -> None:
        """Take a question out that has its answer, or that is given up."""
        del self.pending[flight.identity]
        flight.port = None
        if self._retired and not self.pending:
            self.close()

    def retire(self) -> None:
        """Close as soon as nothing is on the way any more."""
        self._retired = True
        if not self.pending:
            self.close()

    def close(self) -> None:
        """Give the socket back."""
        with suppress(OSError, ValueError):
            self._loop.remove_reader(self.socket)
        self.socket.close()
