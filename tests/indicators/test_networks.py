"""IP networks: canonical form, refusals, and sets of addresses against a simple model."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, collapse_addresses, summarize_address_range
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocklist.errors import InvalidIndicator
from blocklist.frames.networks import (
    SPAN_SCHEMA,
    canonicalize_numeric_hosts,
    merge_spans,
    networks_to_spans,
    spans_to_networks,
    subtract_spans,
)
from blocklist.indicators.networks import (
    Network,
    format_network,
    network_and_supernets,
    parse_browser_ipv4,
    parse_network,
)

TOP = {4: 2**32 - 1, 6: 2**128 - 1}
Span = tuple[int, int, int]


@pytest.mark.parametrize(
    ("text", "expected", "why"),
    [
        ("192.0.2.1", "192.0.2.1", "an address"),
        ("192.0.2.1/32", "192.0.2.1", "a network of one is an address"),
        ("192.0.2.0/24", "192.0.2.0/24", "a network"),
        ("192.0.2.77/24", "192.0.2.0/24", "host bits are cleared: rpz-ip refuses them"),
        ("192.0.2.77/024", "192.0.2.0/24", "a prefix is decimal, with or without zeros"),
        ("0.0.0.0/0", "0.0.0.0/0", "all of IPv4"),
        ("255.255.255.255", "255.255.255.255", "the last address"),
        ("255.255.255.255/1", "128.0.0.0/1", "the upper half"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1", "RFC 5952: lower case, zeros shortened"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", "RFC 5952: one group is not shortened"),
        ("2001:db8::1/128", "2001:db8::1", "a network of one is an address"),
        ("2001:db8::1/32", "2001:db8::/32", "host bits are cleared"),
        ("::/0", "::/0", "all of IPv6"),
        ("::", "::", "the first address"),
        ("::ffff:192.0.2.1", "192.0.2.1", "IPv4-mapped, dotted"),
        ("::FFFF:c000:201", "192.0.2.1", "IPv4-mapped, hexadecimal"),
        ("::ffff:192.0.2.77/120", "192.0.2.0/24", "an IPv4-mapped network"),
        ("::ffff:0:0/96", "0.0.0.0/0", "all mapped addresses"),
        ("::ffff:0:0/95", "::fffe:0:0/95", "more than the mapped ones stays IPv6"),
        ("64:ff9b::192.0.2.1", "64:ff9b::c000:201", "other embeddings stay IPv6"),
    ],
)
def test_canonical(text: str, expected: str, why: str) -> None:
    assert format_network(parse_network(text)) == expected, why


@pytest.mark.parametrize(
    ("text", "reason", "why"),
    [
        ("", "not-an-address", "nothing"),
        ("example.com", "not-an-address", "a name"),
        ("192.0.2", "not-an-address", "three parts: some tools read 192.0.0.2, some 192.0.2.0"),
        ("192.0.2.256", "not-an-address", "an octet too large"),
        ("192.0.2.1/33", "not-an-address", "a prefix too long"),
        ("192.0.2.1/", "not-an-address", "a prefix that is missing"),
        ("192.0.2.1/255.255.255.0", "not-an-address", "a mask, which may be a wildcard mask"),
        ("192.0.2.1/-1", "not-an-address", "a negative prefix"),
        (" 192.0.2.1", "not-an-address", "space is for parsers"),
        ("192.0.2.1\n", "not-an-address", "so are line ends"),
        ("192.0.2.1\0", "not-an-address", "a NUL"),
        ("192.0.2.١", "not-an-address", "a digit that is not ASCII"),
        ("3221225985", "not-an-address", "a bare number is no address outside of URLs"),
        ("192.0.2.1:80", "not-an-address", "a port is for parsers"),
        ("[::1]", "not-an-address", "brackets belong to URLs"),
        ("fe80::1%eth0", "not-an-address", "a zone means something on one machine only"),
        (":::", "not-an-address", "too many colons"),
        ("2001:db8::1::2", "not-an-address", "two gaps"),
        ("2001:db8::12345", "not-an-address", "a group too long"),
        ("::/129", "not-an-address", "a prefix too long"),
        ("010.0.0.1", "leading-zero", "octal 8 or decimal 10: first octet"),
        ("10.00.0.1", "leading-zero", "an octet within"),
        ("10.0.0.01", "leading-zero", "the last octet"),
        ("10.0.0.01/32", "leading-zero", "the last octet before a prefix"),
        ("::ffff:10.0.0.01", "leading-zero", "in IPv6"),
        ("2001:0db8::0001:00000", "not-an-address", "zeros that IPv6 allows are not to blame"),
    ],
)
def test_refused(text: str, reason: str, why: str) -> None:
    with pytest.raises(InvalidIndicator) as refused:
        parse_network(text)
    assert refused.value.reason == reason, why


@pytest.mark.parametrize(
    ("host", "expected", "why"),
    [
        ("192.0.2.1", "192.0.2.1", "dotted decimal"),
        ("192.0.2.1.", "192.0.2.1", "one dot at the end"),
        ("0000153.0000255.0000011.0000125", "107.173.9.85", "octal, seen in phishing feeds"),
        ("0xC0.0x00.0x02.0x01", "192.0.2.1", "hexadecimal"),
        ("0xc0000201", "192.0.2.1", "hexadecimal in one part"),
        ("3221225985", "192.0.2.1", "decimal in one part"),
        ("030000001001", "192.0.2.1", "octal in one part"),
        ("192.513", "192.0.2.1", "the last of two parts fills three octets"),
        ("192.0.513", "192.0.2.1", "the last of three parts fills two"),
        ("127.1", "127.0.0.1", "the usual short form"),
        ("0x.0x.0", "0.0.0.0", "0x is zero"),
        ("4294967295", "255.255.255.255", "the last address"),
        ("１２７.０.０.１", "127.0.0.1", "full-width digits"),
        ("127。0。0。1", "127.0.0.1", "ideographic dots"),
        ("4294967296", None, "past the last address"),
        ("256.0.0.1", None, "an octet too large"),
        ("1.2.3.256", None, "the last octet too large"),
        ("1.2.65536", None, "the last of three too large"),
        ("1.2.3.4.5", None, "five parts"),
        ("1.2.3.4..", None, "two dots at the end"),
        ("1..2", None, "an empty part"),
        ("", None, "nothing"),
        (".", None, "nothing but a dot"),
        ("08", None, "8 is no octal digit"),
        ("0xg", None, "g is no hexadecimal digit"),
        ("1_0", None, "Python's digit separator is not ours"),
        ("+1", None, "nor is its sign"),
        ("192.0.2.1/24", None, "a host has no prefix"),
        ("1.٣", None, "Arabic digits are letters to a browser"),
        ("9" * 5000, None, "a number that would take long to read"),
    ],
)
def test_browser_ipv4(host: str, expected: str | None, why: str) -> None:
    try:
        found = parse_browser_ipv4(host)
    except InvalidIndicator:
        found = None
    assert found == expected, why
    assert canonicalize_numeric_hosts(pl.Series([host]))["value"].to_list() == [expected], why


@pytest.mark.parametrize(
    ("text", "length", "why"),
    [
        ("192.0.2.1", 33, "an address and every prefix"),
        ("192.0.0.0/8", 9, "a network and what is shorter"),
        ("0.0.0.0/0", 1, "nothing contains everything"),
        ("2001:db8::1", 129, "IPv6"),
    ],
)
def test_containers(text: str, length: int, why: str) -> None:
    network = parse_network(text)
    found = list(network_and_supernets(network))
    assert found[0] == text
    assert len(set(found)) == length, why
    assert all(network.subnet_of(parse_network(wide)) for wide in found)  # type: ignore[arg-type]


def spans_of_a_family(family: int) -> st.SearchStrategy[Span]:
    """Give small spans near each other, at the ends of the address space too, and huge ones."""
    top = TOP[family]
    width = st.integers(0, 40)
    low = st.builds(lambda at, size: (family, at, at + size), st.integers(0, 60), width)
    high = low.map(lambda span: (family, top - span[2], top - span[1]))
    middle = low.map(lambda span: (family, span[1] + 2**31 - 30, span[2] + 2**31 - 30))
    huge = st.sampled_from([(family, 0, top), (family, 1, top), (family, 0, top // 2)])
    return low | high | middle | huge if family == 4 else low | high | huge


SPANS = st.lists(spans_of_a_family(4) | spans_of_a_family(6), max_size=12)


def frame_of(spans: list[Span]) -> pl.DataFrame:
    return pl.DataFrame(spans, schema=SPAN_SCHEMA, orient="row")


def networks_of(span: Span) -> list[Network]:
    family, first, last = span
    if family == 4:
        return list(summarize_address_range(IPv4Address(first), IPv4Address(last)))
    return list(summarize_address_range(IPv6Address(first), IPv6Address(last)))


def model(parts: Iterable[Network]) -> list[Network]:
    """Return the fewest networks that cover the same addresses, IPv4 first."""
    parts = list(parts)
    ipv4 = collapse_addresses(part for part in parts if part.version == 4)
    ipv6 = collapse_addresses(part for part in parts if part.version == 6)
    return [*ipv4, *ipv6]


def without(parts: list[Network], hole: Network) -> list[Network]:
    left: list[Network] = []
    for part in parts:
        if part.version != hole.version or not part.overlaps(hole):
            left.append(part)
        elif not part.subnet_of(hole):  # type: ignore[arg-type]
            left.extend(part.address_exclude(hole))  # type: ignore[arg-type]
    return left


def in_full(spans: list[Span]) -> list[Network]:
    return model(part for span in spans for part in networks_of(span))


@given(SPANS)
def test_merge_and_texts_are_the_model(spans: list[Span]) -> None:
    merged = merge_spans(frame_of(spans))
    assert merged.schema == SPAN_SCHEMA
    expected = [format_network(part) for part in in_full(spans)]
    assert spans_to_networks(merged).to_list() == expected
    again = networks_to_spans(spans_to_networks(merged))
    assert again.schema == SPAN_SCHEMA
    assert merge_spans(again).equals(merged), "texts and spans undo each other"


@given(SPANS)
def test_merged_spans_neither_overlap_nor_touch(spans: list[Span]) -> None:
    merged = merge_spans(frame_of(spans)).rows()
    for (family, _, last), (next_family, first, _) in pairwise(merged):
        assert (family, last + 1) < (next_family, first)


@given(SPANS, SPANS)
def test_subtract_is_the_model(spans: list[Span], holes: list[Span]) -> None:
    left = in_full(spans)
    for hole in in_full(holes):
        left = without(left, hole)
    found = subtract_spans(frame_of(spans), frame_of(holes))
    assert found.schema == SPAN_SCHEMA
    assert merge_spans(found).equals(found), "what is left is merged"
    assert spans_to_networks(found).to_list() == [format_network(part) for part in model(left)]


@given(SPANS)
def test_spans_keep_order_and_repetition(spans: list[Span]) -> None:
    listed = [part for span in spans for part in networks_of(span)] * 2
    found = networks_to_spans(pl.Series([format_network(part) for part in listed], dtype=pl.String))
    assert found.rows() == [
        (part.version, int(part.network_address), int(part.broadcast_address)) for part in listed
    ]
