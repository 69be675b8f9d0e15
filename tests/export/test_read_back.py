"""Exports as feeds: each list that is exported is read back with the same meaning."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocklist.config.targets import Target, load_targets
from blocklist.export.update import export_one
from blocklist.frames.networks import merge_spans, networks_to_spans, spans_to_networks
from blocklist.indicators.names import name_and_ancestors
from blocklist.model import DEFAULT_CANARY, Scope
from blocklist.parse.options import ParseOptions
from blocklist.parse.parser import parse_snapshot
from blocklist.parse.reasons import count_unread
from blocklist.parse.result import ParseResult
from tests.support.examples import at_most
from tests.support.exports import NOW, export_to, release
from tests.support.parse_checks import list_indicators
from tests.support.parse_tables import Is, ip, url

PLAIN = ParseOptions()
#: The format that reads each target back, and its options.
READ_BACK: dict[str, tuple[str, ParseOptions]] = {
    "adblock": ("adblock", PLAIN),
    "cidr": ("ips", PLAIN),
    "csv": (
        "csv",
        ParseOptions(column_name="value", scope_column="scope", filters=("action=block",)),
    ),
    "dnsmasq": ("dnsmasq", PLAIN),
    "domains": ("domains", PLAIN),
    "hosts": ("hosts", PLAIN),
    "ipset": ("ips", PLAIN),
    "iptables": ("ips", PLAIN),
    "json": (
        "json",
        ParseOptions(
            path='{value: "source.fqdn" || "source.network" || "source.url", scope: "extra.scope"}'
        ),
    ),
    "mikrotik": ("ips", PLAIN),
    "nftables": ("ips", PLAIN),
    "pf": ("ips", PLAIN),
    "pihole": ("adblock", PLAIN),
    "rpz": ("rpz", PLAIN),
    "rpz-ip": ("rpz", PLAIN),
    "rpz-knot": ("rpz", PLAIN),
    "rpz-powerdns": ("rpz", PLAIN),
    "rpz-unbound": ("rpz", PLAIN),
    "squid": ("domains", PLAIN),
    "suricata-iprep": ("ips", PLAIN),
    "unbound": ("unbound", PLAIN),
    "urls": ("urls", PLAIN),
    "wildcard": ("domains", PLAIN),
}
#: These list allows, or are no text for people: Base64.
NOT_READ = {"pihole-allow", "rpz-allow", "suricata"}
TARGETS = sorted(READ_BACK.keys() & load_targets(Path()).keys())
#: Their rows are in the fast tests; those of all others take ten seconds.
USUAL = ("adblock", "dnsmasq", "hosts", "pihole", "rpz", "unbound")

labels = st.sampled_from(["a", "b", "x-1", "_dmarc", "xn--bcher-kva"])
names = st.builds(
    lambda parts, end: ".".join([*parts, end]),
    st.lists(labels, max_size=3),
    st.sampled_from(["scam.top", "fraud.example", "shop.co.uk"]),
)
scopes = st.sampled_from(["exact", "subtree", "below"])
networks = st.sampled_from(
    ["45.9.148.7", "45.9.148.0/24", "45.9.0.0/16", "9.9.9.9", "2a00:bad::/48", "2a00:bad::1"]
)
rows = st.one_of(
    st.builds("block {} {}".format, scopes, names),
    networks.map("block {}".format),
    st.builds("block https://{}/{}".format, names, st.sampled_from(["", "x?y=1", "a%20b"])),
)


def test_every_target_is_read_back_or_not_meant_to_be() -> None:
    assert load_targets(Path()).keys() <= READ_BACK.keys() | NOT_READ


def test_exports_in_the_catalogue_have_a_format() -> None:
    assert len(TARGETS) >= 20


def expected_rows(target: Target, text: str) -> set[Is]:
    """Return what a release without allows means in a target, by a simple model."""
    rows = release(text).filter(pl.col("kind").is_in([kind.value for kind in target.kinds]))
    by_name: dict[str, set[str]] = {}
    for name, scope in rows.filter(kind="domain").select("value", "scope").iter_rows():
        by_name.setdefault(name, set()).update(
            {"exact", "below"} if scope == "subtree" else {scope}
        )
    found = {url(value) for value in rows.filter(kind="url")["value"]}
    spans = merge_spans(networks_to_spans(rows.filter(kind="ip")["value"]))
    found |= {ip(value) for value in spans_to_networks(spans)}
    if target.scopes == (Scope.EXACT,):
        return found | {Is(name) for name, parts in by_name.items() if "exact" in parts}
    if Scope.BELOW not in target.scopes:
        by_name = {name: parts for name, parts in by_name.items() if "exact" in parts}
    covering = {name for name, parts in by_name.items() if "below" in parts}
    for name, parts in by_name.items():
        _, *above = name_and_ancestors(name)
        if covering.isdisjoint(above):
            found.add(Is(name, "subtree" if len(parts) == 2 else next(iter(parts))))
    return found


def parsed_rows(parsed: ParseResult) -> set[Is]:
    """Return the indicators, of which a subtree includes the name alone; networks are merged."""
    found = set(list_indicators(parsed))
    names = {each for each in found if each.kind == "domain"}
    wide = {each.value for each in names if each.scope == "subtree"}
    names = {each for each in names if each.scope == "subtree" or each.value not in wide}
    networks = pl.Series([each.value for each in found if each.kind == "ip"], dtype=pl.String)
    merged = {ip(value) for value in spans_to_networks(merge_spans(networks_to_spans(networks)))}
    return names | merged | {each for each in found if each.kind == "url"}


@pytest.mark.parametrize(
    "name",
    [name if name in USUAL else pytest.param(name, marks=pytest.mark.slow) for name in TARGETS],
)
@at_most(15)
@given(lines=st.lists(rows, max_size=12))
def test_an_export_is_read_back_with_the_same_meaning(name: str, lines: list[str]) -> None:
    format_name, options = READ_BACK[name]
    target = load_targets(Path())[name]
    text = "\n".join(lines)
    with TemporaryDirectory() as folder:
        export = export_to(Path(folder), name, canary=target.canary)
        export = replace(export, canary=DEFAULT_CANARY)
        export_one(export, release(text), 7, None, NOW)
        parsed = parse_snapshot(export.path.read_bytes(), format_name, options)
    assert parsed_rows(parsed) == expected_rows(target, text)
    # The line that marks the content for a look into the kernel is no rule about an address.
    marks = parsed.refusals["text"].str.contains(" --comment 100::", literal=True).sum()
    assert count_unread(parsed.refusal_counts) == marks, parsed.refusals["text"].to_list()


@pytest.mark.parametrize("name", ["adblock", "dnsmasq", "unbound", "rpz"])
def test_allows_narrow_what_is_read_back(name: str) -> None:
    """An allow of the publisher is an exception of the list, and allows nothing here."""
    format_name, options = READ_BACK[name]
    with TemporaryDirectory() as folder:
        export = export_to(Path(folder), name)
        rows = release("block subtree x.top\nallow subtree ok.x.top\nblock subtree y.top")
        export_one(export, rows, 7, None, NOW)
        parsed = parse_snapshot(export.path.read_bytes(), format_name, options)
    assert set(list_indicators(parsed)) == {Is("x.top"), Is("y.top", "subtree")}
    assert parsed.exempting.to_list() == ["x.top"]
