"""Random lists: every line is counted, values are canonical, and models give the same result."""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from ipaddress import summarize_address_range

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from blocklist.indicators.names import canonicalize_name
from blocklist.indicators.networks import format_network, parse_address, parse_network
from blocklist.indicators.urls import parse_url
from blocklist.model import MARK_PATTERN, Scope
from blocklist.parse import result as parsed_parts
from blocklist.parse.detect import detect_format
from blocklist.parse.format import Format
from blocklist.parse.lines import number_lines
from blocklist.parse.options import ParseOptions
from blocklist.parse.parser import parse_lines, parse_snapshot
from blocklist.parse.registry import load_formats
from tests.support.examples import at_most
from tests.support.parse_checks import assert_counts
from tests.support.parse_tables import TABLE

SCALAR: dict[str, Callable[[str], str]] = {
    "domain": canonicalize_name,
    "ip": lambda text: format_network(parse_network(text)),
    "url": lambda text: parse_url(text).value,
}
PIECES = [
    "a.example", "B.example.", "bücher.example", "*.c.example", ".d.example", "co.uk", "com", "x",
    "192.0.2.1", "192.0.2.0/24", "2001:db8::1", "2001:db8::/32", "0.0.0.0", "127.0.0.1", "::1",
    "0x7f.1", "010.0.0.1", "192.0.2.1-192.0.2.77", "192.0.2.9 - 192.0.2.1", "http://",
    "hxxps[://]", "https://", "/", "/x", "?y", ":80", "[", "]", "[.]", "||", "^", "@@",
    "$third-party", "$all", "$important", "##", "#@#", "#", "!", ";", "//", " ", "\t", ",", '"',
    "'", "*", "|", ".", "-", "\0", "\n", "\r\n", "\r", "\v", "\f", "\x85", "\u2028", "\u200b",
    "\ufeff", "ä", "١", "💣", '{"list": [', "]}", '"type": "cidr"', "localhost", "address=/",
    "local=/", "server=", "/#", "/::", "local-zone: ", "local-data: ", " static", " transparent",
    "server:", " CNAME ", " A ", " IN ", "@", "$ORIGIN ", "$TTL 1", " SOA ", "(", ")",
    "rpz.example.", "rpz-passthru.", ".rpz-ip", "32.", "zz.",
    '{"Event": {"Attribute": [{"to_ids": true, "type": "domain", "value": "', '"}]}}', '["', '"]',
    "{", '{"type": "bundle", "objects": [{"type": "indicator", "pattern": "[domain-name:value = ',
    "}", "url:value IN (", " OR ", " AND ", "x=1", "\n  ", "a" * 64, "b" * 9000, "%2e", "%", "\\",
]  # fmt: skip
near_valid = st.lists(st.sampled_from(PIECES), max_size=24).map("".join)
table_lines = st.lists(st.sampled_from([row[1] for row in TABLE]), max_size=8)
separators = st.sampled_from(["\n", "\r\n", "\r", "\n\n"])
joined = st.builds(lambda lines, end: end.join(lines), table_lines, separators)
encoded = st.one_of(
    (near_valid | joined).map(str.encode),
    near_valid.map(lambda text: text.encode("utf-16")),
    st.binary(max_size=200),
)
formats = st.sampled_from(sorted(load_formats()))
options = st.builds(
    ParseOptions,
    scope=st.none() | st.sampled_from(Scope),
    column=st.integers(1, 3),
    separator=st.sampled_from(",;\t|^]-\\"),
    rank_limit=st.none() | st.integers(1, 5),
    column_name=st.sampled_from(["", "x", "a.example"]),
    scope_column=st.sampled_from(["", "2", "x"]),
    filters=st.sampled_from([(), ("x=1",), ("2=x", "2=")]),
    comment=st.sampled_from([None, "#", "a"]),
    path=st.sampled_from(["", "[]", "@", "keys(@)", "*.*", "[].type", "length(@)"]),
    zone=st.sampled_from(["", "rpz.example", "example."]),
)


@given(body=encoded, name=formats, options=options)
@example(body=b"", name="misp", options=ParseOptions())
@example(body=b"0.0.0.0 \x85", name="hosts", options=ParseOptions())
def test_every_line_is_counted(body: bytes, name: str, options: ParseOptions) -> None:
    parsed = parse_snapshot(body, name, options)
    assert_counts(parsed)
    if not load_formats()[name].needs_whole_text:
        is_utf16 = body[:2] in (b"\xff\xfe", b"\xfe\xff")
        text = body.decode("utf-16" if is_utf16 else "utf-8", "replace")
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        text = text if is_utf16 else text.removeprefix("\ufeff")
        assert parsed.lines == len(text.removesuffix("\n").split("\n")) * bool(text)
    for kind, value, scope in parsed.indicators.select("kind", "value", "scope").iter_rows():
        assert SCALAR[kind](value) == value
        assert kind == "domain" or scope == "exact"
    assert not parsed.indicators.select("kind", "value", "scope").is_duplicated().any()


@at_most(30)
@given(lines=st.lists(st.sampled_from(["a.example", "*.a.example", "b.example"]), max_size=12))
def test_of_duplicates_the_first_stays(lines: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parsed_parts, "_ROWS_PER_SHARE", 2)
        parsed = parse_snapshot("\n".join(lines).encode(), "domains")
    first = list(dict.fromkeys(lines))
    assert parsed.indicators["line"].to_list() == [lines.index(line) + 1 for line in first]
    assert parsed.dropped_counts.get("duplicate", 0) == len(lines) - len(first)


@at_most(15)
@given(body=encoded)
def test_detect_reads_anything(body: bytes) -> None:
    name = detect_format(body)
    assert name is None or parse_snapshot(body, name).accepted


labels = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=12)
some_names = st.builds(
    lambda parts, last: ".".join([*parts, last]),
    st.lists(labels, min_size=1, max_size=4),
    st.sampled_from(["example", "com", "co.uk", "xn--p1ai", "x-1"]),
)
some_networks = st.one_of(
    st.ip_addresses().map(str),
    st.builds("{}/{}".format, st.ip_addresses(v=4), st.integers(0, 32)),
    st.builds("{}/{}".format, st.ip_addresses(v=6), st.integers(0, 128)),
).map(lambda text: format_network(parse_network(text)))
some_urls = st.builds("{}://{}/{}".format, st.sampled_from(["http", "https"]), some_names, labels)
RENDERED: dict[str, tuple[st.SearchStrategy[str], str, Scope]] = {
    "domains": (some_names, "{}", Scope.EXACT),
    "wildcard": (some_names, "*.{}", Scope.SUBTREE),
    "hosts": (some_names, "0.0.0.0 {}", Scope.EXACT),
    "adblock": (some_names, "||{}^", Scope.SUBTREE),
    "urls": (some_urls, "{}", Scope.EXACT),
    "ips": (some_networks, "{}", Scope.EXACT),
    "csv": (some_names, '"{}",x', Scope.EXACT),
    "dnsmasq": (some_names, "local=/{}/", Scope.SUBTREE),
    "unbound": (some_names, 'local-zone: "{}." always_null', Scope.SUBTREE),
    "rpz": (some_names, "{} CNAME .", Scope.EXACT),
    "maltrail": (some_names, "{}", Scope.EXACT),
}


@pytest.mark.parametrize("name", RENDERED)
@at_most(30)
@given(data=st.data())
def test_rendered_values_are_parsed_back(name: str, data: st.DataObject) -> None:
    strategy, line, scope = RENDERED[name]
    unmarked = strategy.filter(lambda value: not re.match(MARK_PATTERN, value))
    values = data.draw(st.lists(unmarked, max_size=20, unique=True))
    parsed = parse_snapshot("".join(line.format(value) + "\n" for value in values).encode(), name)
    assert parsed.indicators["value"].to_list() == values
    assert set(parsed.indicators["scope"]) <= {scope.value}
    assert parsed.accepted == len(values)


ends = st.ip_addresses()
spans = st.builds("{}-{}".format, ends, ends) | ends.map("{0}-{0}".format)


@at_most(25)
@given(spans=st.lists(spans, max_size=8))
@example(spans=["::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "0.0.0.0-255.255.255.255"])
def test_ranges_match_a_simple_model(spans: list[str]) -> None:
    expected: dict[str, int] = {}
    for line, span in enumerate(spans, 1):
        lower, upper = (parse_address(end).network_address for end in span.split("-"))
        with suppress(TypeError, ValueError):  # of different families, or reversed
            for network in summarize_address_range(lower, upper):
                expected.setdefault(format_network(network), line)
    indicators = parse_snapshot("\n".join(spans).encode(), "ips").indicators
    # Addresses that mark a list in a kernel are no indicators.
    unmarked = [row for row in expected.items() if not re.match(MARK_PATTERN, row[0])]
    assert indicators.select("value", "line").rows() == unmarked


LINK = r"https?://(?:[a-z0-9_-]{1,3}\.){0,3}(?:[a-z0-9-]{1,3}|x{62,65})(?::80)?/?[a.%2eE?~(dot)#/]{0,6}"


@given(
    st.lists(
        st.one_of(
            st.from_regex(r"(?:0\.0\.0\.0 |\|\||\*\.)?[a-z0-9_.-]{0,70}\^?", fullmatch=True),
            st.text("a0.-_|^# \t*xn", max_size=12),
            st.from_regex(LINK, fullmatch=True),
        ),
        max_size=8,
    ),
    st.sampled_from([each for each in load_formats().values() if each.fast_path]),
    st.sampled_from([None, Scope.EXACT, Scope.SUBTREE]),
)
def test_fast_path_gives_the_same_result(
    texts: list[str], format_: Format, scope: Scope | None
) -> None:
    lines = number_lines(pl.Series(texts, dtype=pl.String).str.strip_chars(" \t"))
    slow = parse_lines(lines, replace(format_, fast_path=None), ParseOptions(scope=scope))
    fast = parse_lines(lines, format_, ParseOptions(scope=scope))
    assert fast.indicators.equals(slow.indicators)
    assert fast.refusals.equals(slow.refusals)
    assert (fast.accepted, fast.comments) == (slow.accepted, slow.comments)
