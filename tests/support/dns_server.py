"""A DNS server in this process that loads a hosts file when it is told to, or pretends to."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.message
import dns.rcode
import dns.rrset

ADDRESS = "192.0.2.1"


class DnsServer:
    """What it has loaded, what it resolves otherwise, and how it takes a reload."""

    def __init__(self, folder: Path) -> None:
        self.listed: set[str] = set()
        self.resolves: set[str] = set()
        #: What it says of a listed name: an address, or none for NXDOMAIN.
        self.block: str | None = "0.0.0.0"
        self.silent = False
        #: Whether it blocks every name.
        self.everything = False
        self.port = 0
        self.file = folder / "list"
        #: What it does at each reload, of which it gets the number.
        self.on_reload: Callable[[int], None] = lambda number: self.load()
        self._log = folder / "reloads"
        self._done = 0

    @property
    def where(self) -> str:
        return f"127.0.0.1#{self.port}"

    @property
    def reload(self) -> tuple[str, ...]:
        """The command that has it reload; it does so before it answers the next question."""
        return "sh", "-c", f"echo reloading >> '{self._log}'; echo OK"

    @property
    def reloads(self) -> int:
        return len(self._log.read_text().splitlines()) if self._log.exists() else 0

    def load(self) -> None:
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        self.listed = {line.split()[1] for line in lines if line.startswith("0.0.0.0 ")}

    def forget_reloads(self) -> None:
        """Miss the reloads that were ordered until now, as a server that was down does."""
        self._done = self.reloads

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        if self.reloads > self._done:
            self._done = self.reloads
            self.on_reload(self._done)
        reply = dns.message.make_response(query)
        name = query.question[0].name.to_text(omit_final_dot=True)
        blocked = name in self.listed or self.everything
        found = self.block if blocked else ADDRESS if name in self.resolves else None
        if found is None:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        else:
            reply.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "A", found))
        return reply


@contextmanager
def dns_server(folder: Path) -> Iterator[DnsServer]:
    """Run one on a free port of loopback; it keeps its file in the folder."""
    server = DnsServer(folder)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        server.port = listening.getsockname()[1]
        thread = threading.Thread(target=_serve, args=(listening, server))
        thread.start()
        try:
            yield server
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", listening.getsockname())
            thread.join()


def _serve(listening: socket.socket, server: DnsServer) -> None:
    while True:
        data, peer = listening.recvfrom(4096)
        if not data:
            return
        reply = server.answer(dns.message.from_wire(data))
        if not server.silent:
            listening.sendto(reply.to_wire(), peer)
