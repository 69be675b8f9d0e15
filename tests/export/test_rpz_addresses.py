"""Addresses in response policy zones: which owners have them, and how actions are spelt."""

from dataclasses import replace
from pathlib import Path

import pytest

from blocklist.config.targets import load_targets
from blocklist.errors import ExportFailed
from blocklist.export.update import export_one
from tests.support.exports import NOW, content, export_to, release

NO_HOST_NAMES = [
    ("_dmarc.example", "an underscore"),
    ("a_b.example", "an underscore inside a label"),
    ("-lead.example", "a hyphen at the start of the first label"),
    ("trail-.example", "a hyphen at the end of the first label"),
    ("www.-lead.example", "a hyphen at the start of a later label"),
    ("www.trail-.example", "a hyphen at the end of a later label"),
    ("-.example", "a label that is a hyphen"),
    ("www.-x", "a hyphen at the start of the last label"),
    ("www.x-", "a hyphen at the end of the last label"),
    ("-x", "one label"),
]
HOST_NAMES = [
    ("a-b.example", "a hyphen inside a label"),
    ("a--b.example", "two hyphens"),
    ("1.2.example", "labels of digits"),
    ("xn--bcher-kva.example", "an A-label"),
    ("x", "one label"),
]


def _rows(folder: Path, action: str, text: str) -> list[str]:
    """Return the rows of a zone for BIND with an action, without the records of the apex."""
    export = replace(export_to(folder, "rpz"), action=action)
    export_one(export, release(text), 1, None, NOW)
    return content(export.path, ";")[3:]


@pytest.mark.parametrize("scope", ["exact", "subtree", "below"])
@pytest.mark.parametrize("action", ["192.0.2.66", "2001:DB8::66", "192.0.2.66 2001:db8::66"])
@pytest.mark.parametrize(("name", "why"), NO_HOST_NAMES + HOST_NAMES)
def test_only_host_names_get_an_address(
    tmp_path: Path, name: str, why: str, action: str, scope: str
) -> None:
    lines = _rows(tmp_path, action, f"block {scope} {name}")
    owners = {"exact": [name], "subtree": [name, f"*.{name}"], "below": [f"*.{name}"]}[scope]
    addresses = action.lower().split()
    data = [f"{'A' if '.' in address else 'AAAA'} {address}" for address in addresses]
    if (name, why) in NO_HOST_NAMES:
        data = ["CNAME ."]
    assert lines == [f"{owner} {record}" for owner in owners for record in data], why


def test_a_name_between_that_is_no_host_name_gets_no_address(tmp_path: Path) -> None:
    text = "block subtree p.example\nallow subtree ok.-b.p.example"
    assert _rows(tmp_path, "192.0.2.66", text)[2:4] == [
        "-b.p.example CNAME .",
        "*.-b.p.example CNAME .",
    ]


@pytest.mark.parametrize("target", ["rpz", "rpz-allow", "rpz-ip"])
@pytest.mark.parametrize(
    ("zone", "canary", "why"),
    [
        ("rpz_office.example", "canary.zz", "the name of the zone is a part of each owner"),
        ("-rpz.example", "canary.zz", "a hyphen at the start of it"),
        ("rpz.-x", "canary.zz", "a hyphen at the start of its last label"),
        ("rpz.example", "-canary.zz", "the canary is an owner, too"),
        ("rpz.example", "c_.zz", "an underscore in the canary"),
    ],
)
def test_a_zone_that_bind_would_refuse_is_not_installed(
    tmp_path: Path, target: str, zone: str, canary: str, why: str
) -> None:
    shipped = load_targets(tmp_path)[target].canary
    export = replace(export_to(tmp_path, target, zone=zone, canary=shipped), canary=canary)
    rows = release("block exact x.example\nallow exact y.example\nblock 192.0.2.1")
    with pytest.raises(ExportFailed, match="is no host name, and BIND refuses"):
        export_one(export, rows, 1, None, NOW)
    assert not export.path.exists(), why


@pytest.mark.parametrize(
    ("target", "canary", "why"),
    [
        ("rpz", "", "a zone without addresses"),
        ("rpz-unbound", "canary.zz", "Unbound accepts such names"),
        ("rpz-powerdns", "canary.zz", "PowerDNS accepts them"),
        ("rpz-knot", "canary.zz", "Knot Resolver accepts them"),
    ],
)
def test_a_zone_with_an_underscore_where_it_is_accepted(
    tmp_path: Path, target: str, canary: str, why: str
) -> None:
    shipped = load_targets(tmp_path)[target].canary
    base = export_to(tmp_path, target, zone="rpz_office.example", canary=shipped)
    export_one(replace(base, canary=canary), release("block exact x.example"), 1, None, NOW)
    assert "x.example CNAME ." in content(base.path, ";"), why


@pytest.mark.parametrize(
    ("action", "data", "why"),
    [
        ("192.0.2.66 192.0.2.66", ["A 192.0.2.66"], "an address twice"),
        ("2001:DB8:0::66 2001:db8::66", ["AAAA 2001:db8::66"], "an address in two spellings"),
        ("Warn.Example.org.", ["CNAME warn.example.org."], "the name of a page in capitals"),
        ("bücher.example", ["CNAME xn--bcher-kva.example."], "a Unicode name"),
    ],
)
def test_spellings_of_an_action(tmp_path: Path, action: str, data: list[str], why: str) -> None:
    lines = _rows(tmp_path, action, "block exact x.example")
    assert lines == [f"x.example {record}" for record in data], why
