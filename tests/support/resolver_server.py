"""A resolver for tests on a free port of loopback, with correct and faulty answers."""

import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from blocklist.config.dns_servers import DnsServer

#: What is sent back for a query, none or several messages; `tcp` says how it came.
Play = Callable[[dns.message.Message, bool], list[bytes]]


def _answer(query: dns.message.Message, *records: dns.rrset.RRset) -> dns.message.Message:
    answer = dns.message.make_response(query, recursion_available=True)
    # The name as it was asked, in its mixed case.
    answer.question = query.question
    answer.answer = list(records)
    return answer


def _asked(query: dns.message.Message) -> tuple[str, dns.rdatatype.RdataType]:
    (question,) = query.question
    return question.name.to_text(), question.rdtype


def has(*addresses: str, servers: tuple[str, ...] = ()) -> Play:
    """Answer with addresses, and with name servers for a domain."""

    def play(query: dns.message.Message, _tcp: bool) -> list[bytes]:
        name, kind = _asked(query)
        data: dict[str, list[str]] = {
            "A": [a for a in addresses if ":" not in a],
            "AAAA": [a for a in addresses if ":" in a],
            "NS": [f"{server}." for server in servers],
        }
        found = data.get(kind.name, [])
        records = [dns.rrset.from_text_list(name, 60, "IN", kind.name, found)] if found else []
        return [_answer(query, *records).to_wire(max_size=65535)]

    return play


def flood(count: int) -> Play:
    """Answer with very many addresses, built as bytes, because dnspython is slow with them."""
    record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a\0"
    records = b"".join(record + number.to_bytes(2, "big") for number in range(count))

    def play(query: dns.message.Message, _tcp: bool) -> list[bytes]:
        empty = _answer(query).to_wire()
        return [empty[:6] + count.to_bytes(2, "big") + empty[8:] + records]

    return play


def rcode(code: dns.rcode.Rcode) -> Play:
    def play(query: dns.message.Message, _tcp: bool) -> list[bytes]:
        answer = _answer(query)
        answer.set_rcode(code)
        return [answer.to_wire()]

    return play


nxdomain, servfail, refused = map(
    rcode, (dns.rcode.NXDOMAIN, dns.rcode.SERVFAIL, dns.rcode.REFUSED)
)


def silent(_query: dns.message.Message, _tcp: bool) -> list[bytes]:
    return []


def changed(play: Play, how: Callable[[bytes], bytes], *, then_right: bool = False) -> Play:
    """Alter the answer of a play; the correct answer may follow."""

    def spoilt(query: dns.message.Message, tcp: bool) -> list[bytes]:
        right = play(query, tcp)
        return [how(message) for message in right] + (right if then_right else [])

    return spoilt


def truncated(play: Play) -> Play:
    """Answer over UDP that the answer is truncated."""

    def cut(query: dns.message.Message, tcp: bool) -> list[bytes]:
        if tcp:
            return play(query, tcp)
        answer = _answer(query)
        answer.flags |= dns.flags.TC
        return [answer.to_wire()]

    return cut


def aliases(*targets: str, to: str | None = None) -> Play:
    """Answer with a chain of aliases, which ends at an address or nowhere."""

    def play(query: dns.message.Message, _tcp: bool) -> list[bytes]:
        name, kind = _asked(query)
        chain = [name, *(f"{target}." for target in targets)]
        records = [
            dns.rrset.from_text(alias, 60, "IN", "CNAME", target)
            for alias, target in pairwise(chain)
        ]
        if to is not None and kind == dns.rdatatype.A:
            records.append(dns.rrset.from_text(chain[-1], 60, "IN", "A", to))
        return [_answer(query, *records).to_wire()]

    return play


#: Zones that an honest resolver knows, whatever else it has never heard of.
_ZONES = ("com", "net", "org")


@dataclass
class FakeResolver:
    """Answers by name, or else by `otherwise`; counts the questions."""

    plays: dict[str, Play] = field(default_factory=dict)
    otherwise: Play = nxdomain
    asked: Counter[str] = field(default_factory=Counter)
    address: str = "127.0.0.1"
    port: int = 0

    @property
    def knows_zones(self) -> bool:
        """Whether it says like all the world that the large zones exist."""
        return self.otherwise not in (silent, refused, servfail)

    @property
    def server(self) -> DnsServer:
        return DnsServer(self.address, self.port)

    def __str__(self) -> str:
        return str(self.server)

    def __enter__(self) -> Self:
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        self._stream = socket.create_server((self.address, 0), family=family)
        self.port = self._stream.getsockname()[1]
        self._datagrams = socket.socket(family, socket.SOCK_DGRAM)
        self._datagrams.bind((self.address, self.port))
        self._open = True
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._udp, self._tcp)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._open = False
        # A datagram and a connection of our own wake the threads up.
        with socket.socket(self._datagrams.family, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", (self.address, self.port))
        socket.create_connection((self.address, self.port)).close()
        for thread in self._threads:
            thread.join()
        self._datagrams.close()
        self._stream.close()

    def _udp(self) -> None:
        while True:
            data, peer = self._datagrams.recvfrom(4096)
            if not self._open:
                return
            for message in self._played(data, tcp=False):
                self._datagrams.sendto(message, peer)

    def _tcp(self) -> None:
        while True:
            connection, _ = self._stream.accept()
            with connection:
                if not self._open:
                    return
                size = int.from_bytes(connection.recv(2), "big")
                for message in self._played(connection.recv(size), tcp=True):
                    connection.sendall(len(message).to_bytes(2, "big") + message)

    def _played(self, data: bytes, *, tcp: bool) -> list[bytes]:
        query = dns.message.from_wire(data)
        name = _asked(query)[0].lower().removesuffix(".")
        self.asked[name] += 1
        usual = has() if name in _ZONES and self.knows_zones else self.otherwise
        return self.plays.get(name, usual)(query, tcp)


@contextmanager
def resolvers(*plays: dict[str, Play]) -> Iterator[list[FakeResolver]]:
    """Run a resolver for each set of plays."""
    with _nested([FakeResolver(each) for each in plays]) as running:
        yield running


@contextmanager
def _nested(servers: list[FakeResolver]) -> Iterator[list[FakeResolver]]:
    if not servers:
        yield []
        return
    with servers[0] as first, _nested(servers[1:]) as rest:
        yield [first, *rest]
