"""Lists and sets without subtrees: hosts, domains, cidr, nftables; tables, and a model."""

import csv
import json
from base64 import b64decode
from ipaddress import ip_address, ip_network
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocklist.errors import ExportFailed
from blocklist.export.render.addresses import compute_blocked_spans
from blocklist.export.update import export_one
from blocklist.frames.networks import spans_to_networks
from blocklist.frames.schemas import RELEASE
from tests.support.exports import NOW, content, export_to, run

NAMES = [
    ("block exact x.example", ["x.example"], {}, "the name itself"),
    ("block subtree x.example", ["x.example"], {"narrowed-to-exact": 1}, "only its own name"),
    ("block below x.example", [], {"below": 1}, "not expressible"),
    (
        "block subtree x.example\nblock exact a.x.example",
        ["x.example", "a.x.example"],
        {"narrowed-to-exact": 1},
        "no entry covers another, because none reaches below",
    ),
    ("block exact x.example\nallow exact x.example", [], {}, "a tie is allow"),
    ("block exact x.example\nallow subtree x.example", ["x.example"], {}, "exact beats subtree"),
    (
        "block subtree x.example\nallow exact x.example",
        [],
        {"narrowed-to-exact": 1},
        "the rest of the subtree is below the name",
    ),
    (
        "allow subtree example\nblock exact x.example\nblock exact x.other",
        ["x.example", "x.other"],
        {},
        "the more specific row decides",
    ),
    (
        "block exact b.example\nblock exact example-a.test\nblock exact example.test\n"
        "block exact z.example.test\nblock exact a.example",
        ["a.example", "b.example", "example-a.test", "example.test", "z.example.test"],
        {},
        "families stay together",
    ),
    (
        "block exact x.example\nblock 192.0.2.1\nblock https://y.example/z\nallow 192.0.2.2",
        ["x.example"],
        {"kind-ip": 1, "kind-url": 1},
        "other kinds are counted",
    ),
]
NETWORKS = [
    ("block 192.0.2.1", ["192.0.2.1"], "an address alone"),
    ("block 192.0.2.0/25\nblock 192.0.2.128/25", ["192.0.2.0/24"], "adjacent networks are merged"),
    (
        "block 192.0.2.0/24\nblock 192.0.2.9",
        ["192.0.2.0/24"],
        "a network inside another",
    ),
    ("block 192.0.2.0/30\nallow 192.0.2.1", ["192.0.2.0", "192.0.2.2/31"], "an allow cuts a hole"),
    ("block 192.0.2.1\nallow 192.0.2.0/24", ["192.0.2.1"], "the longest prefix decides"),
    ("block 192.0.2.1\nallow 192.0.2.1\nblock 192.0.2.3", ["192.0.2.3"], "a tie is allow"),
    (
        "block 192.0.2.0/29\nallow 192.0.2.0/30\nblock 192.0.2.1",
        ["192.0.2.1", "192.0.2.4/30"],
        "a block inside an allow inside a block",
    ),
    ("block 2001:db8::/32\nblock 192.0.2.1", ["192.0.2.1", "2001:db8::/32"], "both families"),
    ("block 2001:db8::/126\nallow 2001:db8::2", ["2001:db8::/127", "2001:db8::3"], "IPv6 holes"),
    (
        "block 0.0.0.0/0\nblock ::/0\nblock 192.0.2.1",
        ["192.0.2.1"],
        "never all addresses",
    ),
]


@pytest.mark.parametrize(("rows", "expected", "left_out", "why"), NAMES)
def test_names(
    tmp_path: Path, rows: str, expected: list[str], left_out: dict[str, int], why: str
) -> None:
    domains, hosts = export_to(tmp_path, "domains"), export_to(tmp_path, "hosts")
    result = run(domains, rows)
    assert content(domains.path) == expected, why
    assert (result.left_out, result.rows) == (left_out, len(expected))
    run(hosts, rows)
    lines = [line for name in expected for line in (f"0.0.0.0 {name}", f":: {name}")]
    assert content(hosts.path) == lines


@pytest.mark.parametrize(("rows", "expected", "why"), NETWORKS)
def test_networks(tmp_path: Path, rows: str, expected: list[str], why: str) -> None:
    cidr, nftables = export_to(tmp_path, "cidr"), export_to(tmp_path, "nftables")
    result = run(cidr, rows)
    assert content(cidr.path) == expected, why
    assert result.rows == len(expected)
    assert result.left_out.get("everything", 0) == rows.count("/0")
    run(nftables, rows)
    elements = [line for line in content(nftables.path) if line.startswith("\t")]
    assert elements == [f"\t{network}," for network in expected]


def test_networks_that_add_up_to_everything(tmp_path: Path) -> None:
    with pytest.raises(ExportFailed, match="add up to all of IPv4"):
        run(export_to(tmp_path, "cidr"), "block 0.0.0.0/1\nblock 128.0.0.0/1")


def test_a_set_without_elements_is_not_written(tmp_path: Path) -> None:
    export = export_to(tmp_path, "nftables")
    run(export, "block 192.0.2.1")
    assert sum(line.endswith("{") for line in content(export.path)) == 1
    assert "{ }" not in export.path.read_text()


def test_a_custom_template(tmp_path: Path) -> None:
    export = export_to(tmp_path, "domains", line="address=/{value}/#", comment="")
    run(export, "block exact x.example")
    assert export.path.read_text() == "address=/x.example/#\n"


@st.composite
def networks(draw: st.DrawFn) -> str:
    """Draw from a small range of each family, so that networks overlap."""
    low, prefix = draw(st.integers(0, 31)), draw(st.integers(27, 32))
    if draw(st.booleans()):
        return str(ip_network((f"192.0.2.{low}", prefix), strict=False)).removesuffix("/32")
    network = ip_network((f"2001:db8::{low:x}", prefix + 96), strict=False)
    return str(network).removesuffix("/128")


actions = st.sampled_from(["block", "allow"])


@given(st.lists(st.tuples(networks(), actions), max_size=12))
def test_networks_match_a_model(decisions: list[tuple[str, str]]) -> None:
    rows = [("ip", value, "exact", action) for value, action in decisions]
    spans, _ = compute_blocked_spans(pl.DataFrame(rows, schema=RELEASE, orient="row"))
    blocked = [ip_network(text) for text in spans_to_networks(spans)]
    for number in range(32):
        for address in (ip_address(f"192.0.2.{number}"), ip_address(f"2001:db8::{number:x}")):
            covering = [
                (ip_network(value).prefixlen, action == "allow")
                for value, action in decisions
                if address in ip_network(value)
            ]
            expected = bool(covering) and not max(covering)[1]
            assert any(address in network for network in blocked) is expected, address


def test_urls(tmp_path: Path) -> None:
    export = export_to(tmp_path, "urls")
    run(export, "block https://b.example/x\nblock https://a.example/p\nblock exact x.example")
    assert content(export.path) == ["https://a.example/p", "https://b.example/x"]


def test_an_allowed_url_is_not_listed(tmp_path: Path) -> None:
    export = export_to(tmp_path, "urls")
    run(export, "block https://a.example/p\nblock https://b.example/\nallow https://b.example/")
    assert content(export.path) == ["https://a.example/p"]


@pytest.mark.parametrize(
    "url",
    ['https://x.example/"', "https://x.example/\n", "javascript:x", "https://x.example/ y", "x"],
)
@pytest.mark.parametrize("target", ["urls", "csv", "json"])
def test_no_text_but_a_url_gets_into_a_file(tmp_path: Path, target: str, url: str) -> None:
    rows = pl.DataFrame([("url", url, "exact", "block")], schema=RELEASE, orient="row")
    with pytest.raises(ExportFailed, match="is no URL"):
        export_one(export_to(tmp_path, target), rows, 1, None, NOW)


def test_json_and_csv_can_be_parsed(tmp_path: Path) -> None:
    rows = "\n".join(
        [
            "block exact x.example",
            "block subtree y.example",
            "allow exact ok.y.example",
            "block 192.0.2.1",
            "block 2001:db8::/32",
            "block https://a.example/p?a='b',c\\d",
        ]
    )
    json_lines, table = export_to(tmp_path, "json"), export_to(tmp_path, "csv")
    run(json_lines, rows)
    events = [json.loads(line) for line in json_lines.path.read_text().splitlines()]
    assert events[-1]["source.url"] == "https://a.example/p?a='b',c\\d"
    assert events[-3]["source.network"] == "192.0.2.1/32"
    run(table, rows)
    parsed = list(csv.DictReader(content(table.path)))
    assert parsed[-1]["value"] == "https://a.example/p?a='b',c\\d"
    assert [row["scope"] for row in parsed if row["value"].endswith("y.example")] == [
        "subtree",
        "below",
    ]


def test_suricata_has_base64(tmp_path: Path) -> None:
    export = export_to(tmp_path, "suricata")
    run(export, "block exact x.example\nblock subtree y.example")
    lines = export.path.read_text().splitlines()
    assert [b64decode(line).decode() for line in lines] == ["x.example", "y.example"]


def test_a_name_that_is_too_long_for_the_consumer(tmp_path: Path) -> None:
    export = export_to(tmp_path, "domains", max_name=12)
    result = run(export, "block exact x.example\nblock exact longer.x.example")
    assert content(export.path) == ["x.example"]
    assert result.left_out == {"name-too-long": 1}
