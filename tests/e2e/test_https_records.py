"""HTTPS records, which contain addresses, of blocked names in dnsmasq."""

from pathlib import Path

import pytest
from dns.rdatatype import AAAA, HTTPS, SVCB, A, RdataType

from tests.e2e import resolvers
from tests.e2e.matrix import CANARY
from tests.e2e.resolvers import OPEN, Asked, Server, serving
from tests.e2e.servers import open_resolver
from tests.support.exports import ZONE, export_to, run

pytestmark = pytest.mark.e2e("nsd", "dnsmasq")

RECORDS = f"""
*. 60 A {OPEN}
*. 60 AAAA 2001:db8::1
*. 60 HTTPS 1 . alpn=h2 ipv4hint={OPEN}
*. 60 SVCB 1 . alpn=h2 ipv4hint={OPEN}
"""
FILTER = "filter-rr=HTTPS,SVCB\n"


def hosts_with_filter(folder: Path, file: Path, zone: str, port: int) -> tuple[list[str], int]:
    """Run dnsmasq with a hosts file as its documentation recommends."""
    command = resolvers.dnsmasq_hosts(folder, file, zone, port)
    with (folder / "dnsmasq.conf").open("a") as configuration:
        configuration.write(FILTER)
    return command


def _leaks(asked: Asked, name: str) -> set[RdataType]:
    """Return the types of records of a name that contain its addresses."""
    kinds = (A, AAAA, HTTPS, SVCB)
    answers = {kind: " ".join(asked.answer(name, kind)[1]) for kind in kinds}
    return {kind for kind, text in answers.items() if OPEN in text or "2001:db8::1" in text}


@pytest.mark.parametrize(
    ("target", "server", "listed", "other", "why"),
    [
        ("dnsmasq", resolvers.dnsmasq, set(), {A, AAAA, HTTPS, SVCB}, "rules block every type"),
        ("hosts", resolvers.dnsmasq_hosts, {HTTPS, SVCB}, {A, AAAA, HTTPS, SVCB},
         "a hosts file answers only queries for addresses"),
        ("hosts", hosts_with_filter, set(), {A, AAAA}, "filter-rr removes them for all names"),
    ],
)  # fmt: skip
def test_records_of_a_listed_name(
    tmp_path: Path, target: str, server: Server, listed: set[RdataType],
    other: set[RdataType], why: str,
) -> None:  # fmt: skip
    export = export_to(tmp_path, target)
    run(export, f"block exact scam-shop.example\nblock exact {CANARY}")
    upstream = tmp_path / "upstream"
    upstream.mkdir()
    with (
        open_resolver(upstream, RECORDS) as port,
        serving(server, tmp_path, export.path, ZONE, port, CANARY) as asked,
    ):
        assert _leaks(asked, "scam-shop.example") == listed, why
        assert _leaks(asked, "other.example") == other
