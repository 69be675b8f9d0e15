"""A name server on loopback that sends a zone, or any fault in its place."""

import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.tsig

ZONE = "rpz.example"
KEY = dns.tsig.Key("office", b"s3cr3t-of-the-office", "hmac-sha256.")
OTHER_KEY = dns.tsig.Key("office", b"another-secret", "hmac-sha256.")

#: Takes a query and yields what is sent, message by message.
Play = Callable[[dns.message.QueryMessage], Iterator[bytes]]


def soa(serial: int, zone: str = ZONE) -> str:
    return f"{zone}. 60 IN SOA ns.{zone}. root.{zone}. {serial} 60 60 600 60"


def rows(names: Sequence[str], zone: str = ZONE) -> list[str]:
    return [f"{name}.{zone}. 60 IN CNAME ." for name in names]


def messages(
    query: dns.message.QueryMessage,
    records: Sequence[str],
    *,
    size: int = 50,
    key: dns.tsig.Key | None = None,
    rcode: dns.rcode.Rcode = dns.rcode.NOERROR,
) -> Iterator[bytes]:
    """Yield the records in messages of so many; the first one contains the question."""
    context = None
    for start in range(0, max(len(records), 1), size):
        answer = dns.message.QueryMessage(query.id)
        answer.flags = dns.flags.QR | dns.flags.AA
        answer.set_rcode(rcode)
        answer.question = [] if start else list(query.question)
        for record in records[start : start + size]:
            name, ttl, *_, kind, rdata = record.split(" ", 4)
            answer.answer.append(dns.rrset.from_text(name, int(ttl), "IN", kind, rdata))
        if key is not None:
            answer.use_tsig(key)
            answer.request_mac = query.mac or b""
        wire = answer.to_wire(max_size=65535, multi=True, tsig_ctx=context)
        context = answer.tsig_ctx
        yield wire


def zone(serial: int, names: Sequence[str], key: dns.tsig.Key | None = None) -> Play:
    """Answer correctly without IXFR: any request is answered with the complete zone."""

    def play(query: dns.message.QueryMessage) -> Iterator[bytes]:
        records = [soa(serial), *rows(names), soa(serial)]
        if query.authority and query.authority[0][0].serial == serial:
            records = records[:1]
        return messages(query, records, key=key)

    return play


def difference(old: int, new: int, gone: Sequence[str], come: Sequence[str], whole: Play) -> Play:
    """Answer with the difference from one serial to the next."""

    def play(query: dns.message.QueryMessage) -> Iterator[bytes]:
        if query.question[0].rdtype != dns.rdatatype.IXFR:
            return whole(query)
        changes = [soa(new), soa(old), *rows(gone), soa(new), *rows(come), soa(new)]
        return messages(query, changes, size=2)

    return play


def says(*records: str, rcode: dns.rcode.Rcode = dns.rcode.NOERROR) -> Play:
    return lambda query: messages(query, records, rcode=rcode)


def cut_off(query: dns.message.QueryMessage) -> Iterator[bytes]:
    yield from messages(query, [soa(2), *rows(["a.top", "b.top"])], size=2)


def endless(query: dns.message.QueryMessage) -> Iterator[bytes]:
    (first,) = messages(
        query, [soa(2), *rows([f"n{number}.top" for number in range(200)])], size=999
    )
    query.question.clear()
    (more,) = messages(query, rows([f"n{number}.top" for number in range(200)]), size=999)
    yield first
    while True:
        yield more


def garbage(query: dns.message.QueryMessage) -> Iterator[bytes]:
    yield b"\xff" * 40


def another_question(query: dns.message.QueryMessage) -> Iterator[bytes]:
    query.id ^= 1
    return messages(query, [soa(2), *rows(["a.top"]), soa(2)])


def unsigned_end(query: dns.message.QueryMessage) -> Iterator[bytes]:
    """Sign the first message, but not the last."""
    signed = list(messages(query, [soa(2), *rows(["a.top"])], key=KEY))
    plain = list(messages(query, [*rows(["evil.top"]), soa(2)]))
    yield from (*signed, *plain)


def silence(query: dns.message.QueryMessage) -> Iterator[bytes]:
    yield b""


@dataclass
class NameServer:
    """The answers of a server, and the received requests."""

    play: Play
    port: int = 0
    asked: list[str] = field(default_factory=list)
    sent: int = 0

    def url(self, name: str = ZONE) -> str:
        return f"axfr://127.0.0.1:{self.port}/{name}"

    def converse(self, client: socket.socket) -> None:
        length = struct.unpack("!H", client.recv(2))[0]
        wire = client.recv(length)
        query = dns.message.from_wire(wire, keyring={KEY.name: KEY})
        assert isinstance(query, dns.message.QueryMessage)
        self.asked.append(dns.rdatatype.to_text(query.question[0].rdtype))
        for message in self.play(query):
            if not message:  # says nothing until the client hangs up
                client.recv(1)
                return
            client.sendall(framed(message))
            self.sent += len(message)


def framed(wire: bytes) -> bytes:
    return struct.pack("!H", len(wire)) + wire


@contextmanager
def running(server: NameServer) -> Iterator[NameServer]:
    """Serve one client after the other in a thread until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server.port = listening.getsockname()[1]

        def serve() -> None:
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                with client, suppress(OSError):
                    server.converse(client)

        thread = Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()
