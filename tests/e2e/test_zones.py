"""Response policy zones beyond blocking: policies, addresses, and allows before other zones."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from dns.exception import Timeout
from dns.rcode import NOERROR, NXDOMAIN, SERVFAIL
from dns.rdatatype import AAAA, A

from blocklist.config.exports import Export
from blocklist.config.targets import AllowPrecedence, load_targets
from blocklist.export.render.precedence import POLICY_CODE
from blocklist.export.update import export_one
from blocklist.model import Category
from tests.e2e import resolvers
from tests.e2e.matrix import CANARY
from tests.e2e.resolvers import Asked, Server, serving
from tests.support.exports import NOW, ZONE, export_to, release, run
from tests.support.process import SYSTEM_PATH

SERVERS = [
    *resolvers.ZONE_SERVERS,
    pytest.param("rpz-knot", resolvers.kresd, marks=pytest.mark.e2e("nsd", "kresd"), id="Knot"),
]
POLICIES = ["nxdomain", "nodata", "192.0.2.66 2001:db8::66", "tcp-only", "drop", "warn.example.org"]
WARNING = ["192.0.2.66"], ["2001:db8::66"]


@pytest.mark.parametrize(("target", "server"), SERVERS)
def test_policies(tmp_path: Path, upstream: int, target: str, server: Server) -> None:
    known = export_to(tmp_path, target)
    named_page = "name" in known.target.actions
    policies = POLICIES if named_page else POLICIES[:-1]
    export = replace(known, actions=dict(zip(Category, policies, strict=False)))
    names = [f"p{place}.example" for place in range(len(policies))]
    text = "\n".join([*(f"block subtree {name}" for name in names), f"block exact {CANARY}"])
    rows = release(text)
    codes = [*range(1, len(policies) + 1), 1]
    rows = rows.with_columns(
        policy=rows["value"].replace_strict([*names, CANARY], codes).cast(POLICY_CODE)
    )
    export_one(export, rows, 1, None, NOW)
    with serving(server, tmp_path, export.path, ZONE, upstream, CANARY) as asked:
        for below in ("", "x."):
            assert asked.answer(f"{below}p0.example", A) == (NXDOMAIN, [])
            assert asked.answer(f"{below}p1.example", A) == (NOERROR, [])
            shown = asked.answer(f"{below}p2.example", A), asked.answer(f"{below}p2.example", AAAA)
            assert shown == tuple((NOERROR, page) for page in WARNING)
            assert asked.blocks(f"{below}p3.example"), "asked to come again over TCP"
            assert _is_dropped(asked, f"{below}p4.example")
            if named_page:
                page = ["warn.example.org.", resolvers.OPEN]
                assert asked.answer(f"{below}p5.example", A) == (NOERROR, page)


def _is_dropped(asked: Asked, name: str) -> bool:
    try:
        return asked.answer(name, A)[0] == SERVFAIL
    except Timeout:
        return True


#: Names that BIND refuses as owners of addresses, and names beside them.
NO_HOSTS = [
    "-lead.example", "trail-.example", "www.-lead.example", "www.trail-.example", "-.example",
    "_dmarc.example", "a_b.example", "www.a_.example", "x-", "www.-y",
]  # fmt: skip
HOSTS = ["a-b.example", "a--b.example", "1.2.example", "xn--bcher-kva.example"]
NEAR_HOSTS = "\n".join(
    [
        *(f"block subtree {name}" for name in NO_HOSTS + HOSTS),
        "block subtree p.example\nallow subtree ok.-b.p.example",
        f"block exact {CANARY}",
    ]
)
PAGES = "192.0.2.66 2001:db8::66 192.0.2.67"


def _export_pages(folder: Path, target: str) -> Export:
    shipped = load_targets(folder)[target]
    export = replace(export_to(folder, target, check=shipped.check), action=PAGES)
    run(export, NEAR_HOSTS)
    return export


@pytest.mark.parametrize(("target", "server"), SERVERS)
def test_addresses_beside_names_that_are_no_hosts(
    tmp_path: Path, upstream: int, target: str, server: Server
) -> None:
    export = _export_pages(tmp_path, target)
    with serving(server, tmp_path, export.path, ZONE, upstream, CANARY) as asked:
        for name in HOSTS:
            pages = {"192.0.2.66", "192.0.2.67"}
            assert set(asked.answer(f"x.{name}", A)[1]) == pages, name
        between = ["-b.p.example"] * (export.target.allows is AllowPrecedence.SPECIFIC)
        for name in [*NO_HOSTS, *between]:
            assert asked.answer(name, A) == asked.answer(f"x.{name}", A) == (NXDOMAIN, []), name
        assert not asked.blocks("ok.-b.p.example")


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(command, marks=pytest.mark.e2e(command[0]), id=command[0])
        for command in (
            ["named-checkzone", "-k", "fail", "-i", "none"],
            ["nsd-checkzone"],
            ["kzonecheck", "-o"],
        )
    ],
)
def test_checkers_accept_names_that_are_no_hosts(tmp_path: Path, command: list[str]) -> None:
    export = _export_pages(tmp_path, "rpz")
    environment = {**os.environ, "PATH": SYSTEM_PATH}
    words = [*command, ZONE, str(export.path)]
    done = subprocess.run(words, check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr


#: Every name has 192.0.2.1 and 2001:db8::1.
ADDRESSES = [
    ("block 192.0.2.1\nblock 2001:db8::1", True, True, "hosts"),
    ("block 192.0.2.0/24\nallow 192.0.2.0/28", False, False, "an allow is cut out"),
    ("block 192.0.0.0/16\nblock 2001:db8::/32", True, True, "networks"),
    ("block 2001:db8:0:0:1::/80\nblock 2001:db8::/64", False, True, "zeros in two places"),
    ("block 2001:db8:0:1::/64\nblock ::2\nblock 1::/16", False, False, "other networks"),
    (
        "block 2001:db8:0:1:1:1:1:1\nblock 2001:0:0:1::1\nblock 2001::1:1:0:0:1\nblock ::1:0:0:0",
        False,
        False,
        "one zero alone, and runs of all lengths",
    ),
    ("block 192.0.2.2/31", False, False, "a neighbour"),
]


@pytest.mark.parametrize(("rows", "ipv4", "ipv6", "why"), ADDRESSES)
@pytest.mark.parametrize(("target", "server"), SERVERS[:3])
def test_addresses(
    tmp_path: Path, upstream: int, target: str, server: Server, rows: str, ipv4: bool,
    ipv6: bool, why: str,
) -> None:  # fmt: skip
    export = export_to(tmp_path, "rpz-ip", canary="{value} CNAME .")
    run(export, rows)
    canary = export.canary
    with serving(server, tmp_path, export.path, ZONE, upstream, canary) as asked:
        found = [asked.answer("any.example", kind)[0] == NXDOMAIN for kind in (A, AAAA)]
    assert found == [ipv4, ipv6], why
    log = (tmp_path / "log").read_text()
    assert "invalid rpz" not in log
    assert "rpz: error" not in log.lower()


@pytest.mark.e2e("nsd", "named")
def test_allows_stand_before_the_zones_of_others(tmp_path: Path, upstream: int) -> None:
    allow = export_to(tmp_path, "rpz-allow", zone="allow.example.net")
    run(allow, "allow subtree ok.example\nallow exact alone.example\nblock subtree ok.example")
    others = export_to(tmp_path, "rpz")
    run(others, f"block subtree example\nblock exact {CANARY}")

    def both(folder: Path, file: Path, zone: str, port_behind: int) -> tuple[list[str], int]:
        command, port = resolvers.named(folder, file, zone, port_behind)
        path = folder / "named.conf"
        first = f'response-policy {{ zone "{allow.zone}" policy given; zone'
        text = path.read_text().replace("response-policy { zone", first)
        text += f'zone "{allow.zone}" {{ type primary; file "{allow.path}"; }};\n'
        path.write_text(text)
        return command, port

    with serving(both, tmp_path, others.path, ZONE, upstream, CANARY) as asked:
        for name, blocked in [
            ("ok.example", False), ("x.ok.example", False), ("y.x.ok.example", False),
            ("alone.example", False), ("x.alone.example", True), ("other.example", True),
        ]:  # fmt: skip
            assert asked.blocks(name) is blocked, name
