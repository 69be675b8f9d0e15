"""Allowed names whose CNAMEs or addresses are blocked are answered by every server."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from dns.rdatatype import A

from blocklist.config.exports import Export
from tests.e2e import resolvers
from tests.e2e.matrix import CANARY
from tests.e2e.resolvers import OPEN, Asked, Server, serving
from tests.e2e.servers import open_resolver
from tests.support.exports import ZONE, export_to, run

#: An address in a zone of addresses.
LISTED = "203.0.113.9"
IP_ZONE, OTHERS_ZONE = "ip.rpz.example", "others.rpz.example"
COPIES = 16


@dataclass(frozen=True)
class Alias:
    """A kind of name: its records with `{n}` for its number, and whether it is answered."""

    name: str
    records: list[str]
    is_open: bool
    why: str
    rows: list[str] = field(default_factory=list)


_BAD_HOST, _BAD_ADDRESS = "bad{n}.host.example", "address{n}.host.example"
_TO_BAD = f"CNAME {_BAD_HOST}."
_TO_ADDRESS = f"CNAME {_BAD_ADDRESS}."
ALIASES = [
    Alias("a{n}.example", [f"a{{n}}.example {_TO_BAD}"], True, "a CNAME to a blocked name",
          ["allow subtree a{n}.example"]),
    Alias("x.b{n}.example", [f"x.b{{n}}.example {_TO_BAD}"], True, "a name below an allowed one",
          ["allow subtree b{n}.example"]),
    Alias("c{n}.example", ["c{n}.example CNAME mid{n}.c.example.", f"mid{{n}}.c.example {_TO_BAD}"],
          True, "two CNAMEs", ["allow exact c{n}.example"]),
    Alias("d{n}.example", [f"d{{n}}.example A {LISTED}"], True, "a listed address",
          ["allow exact d{n}.example"]),
    Alias("e{n}.example", [f"e{{n}}.example {_TO_ADDRESS}"], True, "a CNAME to a listed address",
          ["allow subtree e{n}.example"]),
    Alias("ok.f{n}.example", [f"ok.f{{n}}.example {_TO_BAD}"], True, "an allow below a block",
          ["block subtree f{n}.example", "allow exact ok.f{n}.example"]),
    Alias("y.x.g{n}.example", [f"y.x.g{{n}}.example {_TO_ADDRESS}"], True, "beside a deeper block",
          ["allow subtree g{n}.example", "block exact z.x.g{n}.example"]),
    Alias("x.h{n}.example", [f"x.h{{n}}.example A {LISTED}"], True, "only the names below",
          ["allow below h{n}.example"]),
    Alias("i{n}.example", [f"i{{n}}.example {_TO_BAD}"], False, "nobody allowed it"),
    Alias("j{n}.example", [f"j{{n}}.example {_TO_ADDRESS}"], False, "nobody allowed it"),
    Alias("x.k{n}.example", [f"x.k{{n}}.example {_TO_BAD}"], False, "below an exact allow",
          ["allow exact k{n}.example"]),
    Alias("l{n}.example", [f"l{{n}}.example A {LISTED}"], False, "above an allow",
          ["allow below l{n}.example"]),
    Alias("m{n}.others.example", [], True, "blocked by a zone of others",
          ["allow exact m{n}.others.example"]),
    Alias("n{n}.others.example", [], False, "blocked by a zone of others"),
]  # fmt: skip


def _fill(texts: list[str]) -> list[str]:
    return [text.format(n=number) for text in texts for number in range(COPIES)]


RECORDS = _fill(
    [record for alias in ALIASES for record in alias.records]
    + [f"{_BAD_HOST} A {OPEN}", f"{_BAD_ADDRESS} A {LISTED}", f"m{{n}}.others.example A {OPEN}"]
    + [f"n{{n}}.others.example A {OPEN}"]
)
ROWS = [
    *_fill([row for alias in ALIASES for row in alias.rows]),
    *_fill([f"block exact {_BAD_HOST}"]),
    f"block 203.0.113.0/24\nblock exact {CANARY}",
]


@pytest.fixture(scope="module")
def aliases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Run a server with the records of the aliases, and give its port."""
    records = "".join(f"{record.replace(' ', '. 60 ', 1)}\n" for record in RECORDS)
    with open_resolver(tmp_path_factory.mktemp("nsd"), f"{records}*. 60 A {OPEN}\n") as port:
        yield port


def _export(folder: Path, target: str, rows: list[str], zone: str = ZONE) -> Export:
    canary = "{value} CNAME ." if target == "rpz-ip" else ""
    base = export_to(folder, target, zone=zone, canary=canary)
    export = replace(base, path=folder / zone)
    run(export, "\n".join(rows))
    return export


def _wrong_answers(asked: Asked, aliases: list[Alias]) -> list[str]:
    names = [(name, alias) for alias in aliases for name in _fill([alias.name])]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda pair: asked.answer(pair[0], A)[1], names))
    return [
        f"{name}: {alias.why}"
        for (name, alias), answer in zip(names, answers, strict=True)
        if alias.is_open is {OPEN, LISTED}.isdisjoint(answer)
    ]


def add_zones(server: Server, zones: list[Export]) -> Server:
    """Return a server that loads further zones after its first one, in order."""

    def start(folder: Path, file: Path, zone: str, upstream: int) -> tuple[list[str], int]:
        command, port = server(folder, file, zone, upstream)
        path, text = _CONFIGURE[server.__name__](folder, zone, zones)
        path.write_text(text)
        return command, port

    return start


def _add_to_named(folder: Path, zone: str, zones: list[Export]) -> tuple[Path, str]:
    path = folder / "named.conf"
    first = f'response-policy {{ zone "{zone}" policy given;'
    policies = "".join(f' zone "{later.zone}" policy given;' for later in zones)
    text = path.read_text().replace(first, first + policies)
    files = (f'zone "{later.zone}" {{ type primary; file "{later.path}"; }};\n' for later in zones)
    return path, text + "".join(files)


def _add_to_unbound(folder: Path, _: str, zones: list[Export]) -> tuple[Path, str]:
    path = folder / "unbound.conf"
    added = (f'rpz:\n    name: "{later.zone}"\n    zonefile: "{later.path}"\n' for later in zones)
    return path, path.read_text() + "".join(added)


def _add_to_powerdns(folder: Path, _: str, zones: list[Export]) -> tuple[Path, str]:
    path = folder / "blocklist.lua"
    added = (f'rpzFile("{later.path}", {{policyName="{later.zone}"}})\n' for later in zones)
    return path, path.read_text() + "".join(added)


_CONFIGURE = {
    "named": _add_to_named,
    "unbound_rpz": _add_to_unbound,
    "powerdns": _add_to_powerdns,
}
OTHERS = ["block below others.example", "block exact others.zzzz"]


@pytest.mark.parametrize(("target", "server"), resolvers.ZONE_SERVERS)
def test_allows_in_the_first_zone(
    tmp_path: Path, aliases: int, target: str, server: Server
) -> None:
    office = _export(tmp_path, target, ROWS)
    others = _export(tmp_path, target, OTHERS, OTHERS_ZONE)
    addresses = _export(tmp_path, "rpz-ip", ROWS, IP_ZONE)
    loaded = add_zones(server, [others, addresses])
    canaries = [CANARY, "others.zzzz", addresses.canary]
    with serving(loaded, tmp_path, office.path, ZONE, aliases, *canaries) as asked:
        assert len(ALIASES) * COPIES >= 200
        assert not _wrong_answers(asked, ALIASES)


@pytest.mark.parametrize(("target", "server"), resolvers.ZONE_SERVERS)
def test_allows_in_a_zone_of_addresses_alone(
    tmp_path: Path, aliases: int, target: str, server: Server
) -> None:
    addresses = _export(tmp_path, "rpz-ip", ROWS, IP_ZONE)
    of_addresses = [alias for alias in ALIASES if LISTED in str(alias.records)]
    with serving(server, tmp_path, addresses.path, IP_ZONE, aliases, addresses.canary) as asked:
        assert not _wrong_answers(asked, of_addresses)


@pytest.mark.parametrize(("target", "server"), resolvers.ZONE_SERVERS)
def test_allows_in_a_zone_before_all_others(
    tmp_path: Path, aliases: int, target: str, server: Server
) -> None:
    allow = _export(tmp_path, "rpz-allow", [*ROWS, f"allow exact {CANARY}"])
    blocks = [row for row in ROWS if row.startswith("block")]
    later = [
        _export(tmp_path, target, [*blocks, "block exact office.zzzz"], "office.rpz.example"),
        _export(tmp_path, target, OTHERS, OTHERS_ZONE),
        _export(tmp_path, "rpz-ip", blocks, IP_ZONE),
    ]
    loaded = add_zones(server, later)
    canaries = ["office.zzzz", "others.zzzz", later[-1].canary]
    # In this zone an allow wins over the blocks below it.
    aliases_here = [alias for alias in ALIASES if "z.x.g" not in str(alias.rows)]
    with serving(loaded, tmp_path, allow.path, ZONE, aliases, *canaries) as asked:
        assert not _wrong_answers(asked, aliases_here)


@pytest.mark.parametrize(
    ("target", "server"),
    [
        pytest.param("rpz-knot", resolvers.kresd, marks=pytest.mark.e2e("nsd", "kresd")),
        pytest.param("unbound", resolvers.unbound, marks=pytest.mark.e2e("nsd", "unbound")),
        pytest.param("dnsmasq", resolvers.dnsmasq, marks=pytest.mark.e2e("nsd", "dnsmasq")),
        pytest.param("hosts", resolvers.dnsmasq_hosts, marks=pytest.mark.e2e("nsd", "dnsmasq")),
    ],
)
def test_allows_in_servers_that_compare_only_the_name_of_a_query(
    tmp_path: Path, aliases: int, target: str, server: Server
) -> None:
    office = _export(tmp_path, target, ROWS)
    allowed = [alias for alias in ALIASES if alias.is_open]
    with serving(server, tmp_path, office.path, ZONE, aliases, CANARY) as asked:
        assert all(map(asked.blocks, _fill([_BAD_HOST])))
        assert not _wrong_answers(asked, allowed)
