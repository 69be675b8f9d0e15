"""Real servers, unprivileged, on high ports of loopback, ended by the one who started them."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import dns.exception
import dns.message
import dns.query
from dns.rcode import NXDOMAIN, Rcode

from tests.support.process import SYSTEM_PATH

Ask = Callable[[str], Rcode]

_NSD = """
server:
    ip-address: 127.0.0.1@{port}
    username: ""
    database: ""
    pidfile: ""
    xfrdfile: ""
    zonelistfile: "{folder}/zone.list"
    zonesdir: "{folder}"
    server-count: 1
    rrl-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: "."
    zonefile: "root.zone"
"""
_ROOT = """
. 60 SOA localhost. root.localhost. 1 3600 600 604800 60
. 60 NS localhost.
"""
_EVERY = """
*. 60 A 192.0.2.1
*. 60 AAAA 2001:db8::1
"""
_NAMED = """
options {{
    directory "{folder}"; pid-file none; session-keyfile none; lock-file none;
    listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
    recursion yes; forward only; forwarders {{ 127.0.0.1 port {upstream}; }};
    dnssec-validation no; empty-zones-enable no;
    response-policy {{ zone "{zone}" policy given; }}
        qname-wait-recurse no break-dnssec yes min-update-interval 0;
}};
controls {{ }};
zone "{zone}" {{
    type primary; file "{file}"; allow-query {{ none; }}; allow-transfer {{ none; }};
}};
"""


def free_port() -> int:
    """Return a port that is free for datagrams and for connections."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as stream:
            port = int(stream.getsockname()[1])
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
                try:
                    datagrams.bind(("127.0.0.1", port))
                except OSError:
                    continue
                return port


@contextmanager
def short_folder() -> Iterator[Path]:
    """Give a folder for a server's sockets, whose paths have 107 octets at most (unix(7))."""
    with TemporaryDirectory(prefix="server-", dir="/tmp") as folder:
        yield Path(folder)


def ask_over_udp(query: dns.message.Message, port: int, seconds: float) -> dns.message.Message:
    """Return the answer to a query; a late one to an earlier query from the same port is none."""
    return dns.query.udp(
        query, "127.0.0.1", seconds, port, ignore_unexpected=True, ignore_errors=True
    )


def asker(port: int, seconds: float = 2) -> Ask:
    """Return a function that asks the server on a port for an address and gives the rcode."""

    def ask(name: str) -> Rcode:
        query = dns.message.make_query(name, "A")
        return ask_over_udp(query, port, seconds).rcode()

    return ask


@contextmanager
def running(
    command: list[str], log: Path, ready: Callable[[], bool]
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a server until the block ends; the block begins when `ready` says so."""
    with log.open("wb") as output:
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "PATH": SYSTEM_PATH},
        )
    try:
        until = time.monotonic() + 300  # a server that ends is seen at once
        while not ready():
            assert server.poll() is None, f"{command[0]} ended:\n{log.read_text()}"
            assert time.monotonic() < until, f"{command[0]} is not ready:\n{log.read_text()}"
            time.sleep(0.02)
        yield server
    finally:
        server.terminate()
        server.wait(timeout=60)


def answers(ask: Ask, name: str, rcode: Rcode | None = None) -> bool:
    """Return whether a server answers, and with that code if one is given."""
    try:
        found = ask(name)
    except (dns.exception.Timeout, OSError):
        return False
    return rcode in (None, found)


@contextmanager
def open_resolver(folder: Path, records: str = _EVERY) -> Iterator[int]:
    """Run NSD with a root zone that has these records, else an address for all; give its port."""
    port = free_port()
    (folder / "root.zone").write_text(_ROOT + records)
    (folder / "nsd.conf").write_text(_NSD.format(folder=folder, port=port))
    command = ["nsd", "-d", "-c", str(folder / "nsd.conf")]
    with running(command, folder / "log", lambda: answers(asker(port, 0.2), "ready.example")):
        yield port


@contextmanager
def bind(folder: Path, zone: str, file: Path, upstream: int, canary: str) -> Iterator[Ask]:
    """Run BIND with a response policy zone; it answers before it blocks, so a canary must tell."""
    port = free_port()
    configuration = _NAMED.format(folder=folder, port=port, upstream=upstream, zone=zone, file=file)
    (folder / "named.conf").write_text(configuration)
    command = ["named", "-g", "-n", "1", "-c", str(folder / "named.conf")]
    ask = asker(port)
    with running(command, folder / "log", lambda: answers(ask, canary, NXDOMAIN)):
        yield ask
