"""One table of names for every server, and the matrix of what each of them does.

    python -m tests.e2e.matrix

prints the matrix as Markdown; it needs all the servers.
"""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from blocklist.config.exports import Export
from blocklist.export.update import export_one
from blocklist.export.verify.expected import (
    RulesByValue,
    collect_rules,
    find_decisive_row,
    make_can_express,
    must_block,
)
from blocklist.indicators.names import MAX_LABEL_LENGTH, MAX_NAME_LENGTH, name_and_ancestors
from blocklist.model import Kind, Scope, Verdict
from tests.e2e import resolvers
from tests.e2e.servers import open_resolver
from tests.support.exports import NOW, ZONE, export_to, release

#: The program, the target, and how to run the server.
CONSUMERS: dict[str, tuple[str, str, resolvers.Server]] = {
    "BIND": ("named", "rpz", resolvers.named),
    "Unbound, zone": ("unbound", "rpz-unbound", resolvers.unbound_rpz),
    "PowerDNS": ("pdns_recursor", "rpz-powerdns", resolvers.powerdns),
    "dnsmasq": ("dnsmasq", "dnsmasq", resolvers.dnsmasq),
    "Knot DNS": ("knotd", "rpz", resolvers.knotd),
    "Unbound": ("unbound", "unbound", resolvers.unbound),
    "Knot Resolver": ("kresd", "rpz-knot", resolvers.kresd),
    "dnsmasq, hosts": ("dnsmasq", "hosts", resolvers.dnsmasq_hosts),
}
#: What these can say is exactly what a release says; the others may leave something open.
EXACT = ("BIND", "Unbound, zone", "PowerDNS", "dnsmasq", "Knot DNS")
#: The last of all names: BIND takes a zone up name by name in their order, and blocks meanwhile.
CANARY = "canary.zzzz"
LONG = ".".join(["l" * 63] * 3) + ".example"
RELEASE = f"""
block exact {CANARY}
block subtree fraud.example
allow exact ok.fraud.example
allow subtree deep.er.fraud.example
block exact back.deep.er.fraud.example
block subtree a.b.fraud.example
block exact one.example
block exact two.labels.example
block below tenants.example
allow subtree good.tenants.example
block subtree shop.good.tenants.example
block subtree _dmarc.under_score.example
block exact _one.under_score.example
block subtree xn--bcher-kva.example
block exact xn--80ak6aa92e.com
block subtree xn--p1ai-fraud.xn--p1ai
block exact {LONG}
block subtree hyphen-ed.example
block subtree hyphen.example
allow subtree bank.hyphen.example
block subtree co.parcel-fee.co.uk
block exact 1.2.3.4.numbers.example
allow subtree nothing-blocked.example
block exact under.nothing-blocked.example
block subtree dyn.test-host.net
allow exact dyn.test-host.net
block subtree p.q.r.s.t.u.example
allow exact a.b.c.d.p.q.r.s.t.u.example
"""


def queries(values: list[str]) -> list[str]:
    """Return names and what is around them: above, below, beside and between."""
    return sorted({near for value in values for near in _around(value) if _is_name(near)})


def _is_name(text: str) -> bool:
    return len(text) <= MAX_NAME_LENGTH and len(text.partition(".")[0]) <= MAX_LABEL_LENGTH


def _around(name: str) -> Iterator[str]:
    yield from name_and_ancestors(name)
    yield from (f"z.{up}" for up in name_and_ancestors(name))
    yield from (f"{label}{name}" for label in ("www.", "a.b.", "not", "x-"))


@dataclass(frozen=True)
class Found:
    """What a server does otherwise than the release says."""

    #: Blocked and should not be, or left open although its target can say the block.
    wrong: list[str]
    #: Left open, because the target cannot say the block.
    narrower: list[str]


def differences(
    export: Export, frame: pl.DataFrame, names: list[str], server: resolvers.Asked
) -> Found:
    """Ask a server for all names, and compare."""
    known = collect_rules(Kind.DOMAIN, frame, names)
    allow = frame.filter(pl.col("action") == "allow").select("value", "scope").iter_rows()
    says = make_can_express(export, [(value, Scope(scope)) for value, scope in allow])
    found = Found([], [])
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(server.blocks, names))
    for name, blocks in zip(names, answers, strict=True):
        if blocks != is_blocked(name, known):
            may = not blocks and must_block(Kind.DOMAIN, name, known, says) is None
            (found.narrower if may else found.wrong).append(name)
    return found


def is_blocked(name: str, known: RulesByValue) -> bool:
    """Return what the release says of a name."""
    row = find_decisive_row(Kind.DOMAIN, name, known)
    return row is not None and row[2] is Verdict.BLOCK


def exported(consumer: str, folder: Path, frame: pl.DataFrame) -> Export:
    """Export a release for a consumer."""
    export = export_to(folder, CONSUMERS[consumer][1])
    export_one(export, frame, 1, None, NOW)
    return export


def asked(
    consumer: str, folder: Path, frame: pl.DataFrame, names: list[str], upstream: int
) -> Found:
    """Export, load and ask; return the differences."""
    export = exported(consumer, folder, frame)
    server = CONSUMERS[consumer][2]
    with resolvers.serving(server, folder, export.path, ZONE, upstream, CANARY) as running:
        return differences(export, frame, names, running)


def main() -> None:
    """Print the matrix."""
    frame = release(RELEASE)
    names = queries(frame["value"].to_list())
    known = collect_rules(Kind.DOMAIN, frame, names)
    blocked = sum(is_blocked(name, known) for name in names)
    lines = [
        f"{len(names)} names, {blocked} of them blocked\n",
        "| server | target | as the release says | left open by the target | wrong |",
        "|---|---|---|---|---|",
    ]
    with TemporaryDirectory() as scratch, open_resolver(Path(scratch)) as upstream:
        for consumer, (_, target, _server) in CONSUMERS.items():
            with TemporaryDirectory() as folder:
                found = asked(consumer, Path(folder), frame, names, upstream)
            narrower, wrong = len(found.narrower), len(found.wrong)
            right = len(names) - narrower - wrong
            lines.append(f"| {consumer} | `{target}` | {right} | {narrower} | {wrong} |")
    sys.stdout.write("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
