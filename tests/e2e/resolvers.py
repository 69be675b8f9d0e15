"""Each server for names with an exported file loaded, asked whether it blocks a name.

Whether a name is blocked is seen by the address that the server behind gives for every name: what
a blocked name gets in place of it differs between servers and targets.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import dns.exception
import dns.message
import pytest
from dns.rcode import Rcode
from dns.rdatatype import CNAME, A, RdataType

from tests.e2e.reloading import DNSMASQ, KNOT, KRESD, RECURSOR, UNBOUND
from tests.e2e.servers import _NAMED, ask_over_udp, free_port, running

#: The address of every name that is not blocked.
OPEN = "192.0.2.1"
Server = Callable[[Path, Path, str, int], tuple[list[str], int]]

# Names below test are in the matrix, and Unbound would answer those itself.
_TEST = """
server:
    module-config: "respip iterator"
    local-zone: "test." nodefault
"""


def named(folder: Path, file: Path, zone: str, upstream: int) -> tuple[list[str], int]:
    port = free_port()
    text = _NAMED.format(folder=folder, port=port, upstream=upstream, zone=zone, file=file)
    (folder / "named.conf").write_text(text)
    return ["named", "-g", "-n", "1", "-c", str(folder / "named.conf")], port


def unbound_rpz(folder: Path, file: Path, zone: str, upstream: int) -> tuple[list[str], int]:
    return _unbound(folder, upstream, f'rpz:\n    name: "{zone}"\n    zonefile: "{file}"\n')


def unbound(folder: Path, file: Path, _: str, upstream: int) -> tuple[list[str], int]:
    return _unbound(folder, upstream, f'include: "{file}"\n')


def _unbound(folder: Path, upstream: int, load: str) -> tuple[list[str], int]:
    port = free_port()
    text = UNBOUND.format(folder=folder, port=port, upstream=upstream, lines=_TEST + load)
    (folder / "unbound.conf").write_text(text)
    return ["unbound", "-d", "-c", str(folder / "unbound.conf")], port


def powerdns(folder: Path, file: Path, _: str, upstream: int) -> tuple[list[str], int]:
    port = free_port()
    text = RECURSOR.format(folder=folder, port=port, upstream=upstream)
    (folder / "recursor.conf").write_text(f"{text}disable-packetcache=yes\n")
    (folder / "blocklist.lua").write_text(f'rpzFile("{file}", {{policyName="office"}})\n')
    return ["pdns_recursor", f"--config-dir={folder}"], port


def kresd(folder: Path, file: Path, _: str, upstream: int) -> tuple[list[str], int]:
    port = free_port()
    lines = f"policy.add(policy.rpz(policy.DENY, '{file}', false))"
    (folder / "kresd.conf").write_text(KRESD.format(port=port, upstream=upstream, lines=lines))
    return ["kresd", "-n", "-c", str(folder / "kresd.conf"), str(folder)], port


def dnsmasq(folder: Path, file: Path, _: str, upstream: int) -> tuple[list[str], int]:
    return _dnsmasq(folder, file, upstream, "conf-file")


def dnsmasq_hosts(folder: Path, file: Path, _: str, upstream: int) -> tuple[list[str], int]:
    return _dnsmasq(folder, file, upstream, "addn-hosts")


def _dnsmasq(folder: Path, file: Path, upstream: int, load: str) -> tuple[list[str], int]:
    port = free_port()
    lines = f"cache-size=0\n{load}={file}"
    text = DNSMASQ.format(folder=folder, port=port, upstream=upstream, lines=lines)
    (folder / "dnsmasq.conf").write_text(text)
    return ["dnsmasq", "-k", "-C", str(folder / "dnsmasq.conf")], port


def knotd(folder: Path, file: Path, zone: str, _: int) -> tuple[list[str], int]:
    port = free_port()
    (folder / "db").mkdir()
    lines = f'zone:\n  - domain: "{zone}"\n    file: "{file}"\n'
    (folder / "knot.conf").write_text(KNOT.format(folder=folder, port=port) + lines)
    return ["knotd", "-c", str(folder / "knot.conf")], port


@dataclass(frozen=True)
class Asked:
    """A running server; an authoritative one is asked for its rows, below the name of its zone."""

    port: int
    zone: str | None = None
    seconds: float = 4

    def blocks(self, name: str) -> bool:
        """Return whether the server keeps a name's address back, or its row says so."""
        if self.zone:
            return "." in self.answer(f"{name}.{self.zone}", CNAME)[1]
        return OPEN not in self.answer(name, A)[1]

    def answer(self, name: str, kind: RdataType) -> tuple[Rcode, list[str]]:
        """Return the code of the server's answer, and the data in it."""
        query = dns.message.make_query(name, kind)
        found = ask_over_udp(query, self.port, self.seconds)
        return found.rcode(), [str(data) for part in found.answer for data in part]


@contextmanager
def serving(
    server: Server, folder: Path, file: Path, zone: str, upstream: int, *canaries: str
) -> Iterator[Asked]:
    """Run a server with a file until the block ends; it begins when the canaries are blocked."""
    command, port = server(folder, file, zone, upstream)
    asked = Asked(port, zone if server is knotd else None)

    def ready() -> bool:
        try:
            # A query that comes before the server listens is lost.
            return all(map(replace(asked, seconds=0.2).blocks, canaries))
        except (dns.exception.Timeout, OSError):
            return False

    with running(command, folder / "log", ready):
        yield asked


#: The servers that read zones of names, each with its target, as parameters.
ZONE_SERVERS = [
    pytest.param("rpz", named, marks=pytest.mark.e2e("nsd", "named"), id="BIND"),
    pytest.param("rpz-unbound", unbound_rpz, marks=pytest.mark.e2e("nsd", "unbound"), id="Unbound"),
    pytest.param(
        "rpz-powerdns",
        powerdns,
        marks=pytest.mark.e2e("nsd", "pdns_recursor"),
        id="PowerDNS",
    ),
]
