"""Column functions and scalar functions give the same result for any content of a feed."""

import re
from collections.abc import Callable, Iterable
from ipaddress import collapse_addresses
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocklist.errors import InvalidIndicator
from blocklist.frames.names import canonicalize_names
from blocklist.frames.networks import (
    canonicalize_networks,
    canonicalize_numeric_hosts,
    merge_spans,
    networks_to_spans,
    spans_to_networks,
)
from blocklist.frames.urls import canonicalize_hosts, canonicalize_urls
from blocklist.indicators.names import canonicalize_name
from blocklist.indicators.networks import format_network, parse_browser_ipv4, parse_network
from blocklist.indicators.urls import canonicalize_host, parse_url


class Pair(NamedTuple):
    """The column form and the scalar form of a function."""

    frame: Callable[[pl.Series], pl.DataFrame]
    scalar: Callable[[str], str]


PAIRS = {
    "names": Pair(canonicalize_names, canonicalize_name),
    "networks": Pair(
        canonicalize_networks,
        lambda text: format_network(parse_network(text)),
    ),
    "numeric hosts": Pair(canonicalize_numeric_hosts, parse_browser_ipv4),
    "hosts": Pair(canonicalize_hosts, lambda text: canonicalize_host(text)[1]),
    "urls": Pair(canonicalize_urls, lambda text: parse_url(text).value),
}
each_pair = pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)

LABELS = [
    "a", "B", "0", "9", "255", "256", "08", "0177", "0x", "0X7f", "-", "_", "é", "א", "١", "ß",
    "İ", "1", "😀", "", "xn--80ak6aa92e", "XN--A", "com", "a" * 63, "a" * 64, "é" * 60, "x-y",
]  # fmt: skip
PIECES = [
    *LABELS, ".", "。", ".", "..", " ", "\t", "\n", "\r", "\v", "\f", "\0", "\x1c", "\x85", "\xa0",
    "\u200b", "\u200d", "\u202e", "\u2028", "\u0301", "\ufeff", "ſ", "\u212a", ":", "::", "/", "//",
    "/24", "/0", "/33", "/128", "%", "%2e", "%41", "%zz", "/..", "/.", "?", "#", "&", "=", "'", "^",
    "|", "`", "<", ">", '"', "{", "}", "\\", "[", "]", "(", ")", "@", "u:p@", ":80", ":443", ":81",
    "http", "https", "HTTP://", "http://", "https://", "hxxps[://]", "[.]", "(dot)", "[:]", "meow://",
    "ffff", "::ffff:", "1.2.3.4", "a." * 126, "a" * 1024, "é" * 1025, "b" * 4096, "é" * 800,
]  # fmt: skip
pieces = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)
dotted = st.builds(
    lambda labels, dot, end: dot.join(labels) + end,
    st.lists(st.sampled_from(LABELS) | st.text("aZ0-_é", max_size=5), min_size=1, max_size=6),
    st.sampled_from([".", ".", "。"]),
    st.sampled_from(["", "", "", ".", "..", " "]),
)
octets = st.lists(st.integers(0, 300).map(str) | st.sampled_from(["00", "01", "0x1"]), max_size=5)
addresses = st.one_of(
    octets.map(".".join),
    st.ip_addresses().map(str),
    st.text("0123456789abcdefF:.", max_size=20),
    octets.map(lambda parts: "::ffff:" + ".".join(parts)),
)
prefixes = st.sampled_from(["", "", "", ".", " "]) | st.integers(0, 130).map("/{}".format)
ranges = st.builds("{}{}".format, addresses, prefixes)
hosts = dotted | addresses | addresses.map("[{}]".format)
web = st.builds(
    "{}{}{}{}{}{}".format,
    st.sampled_from(["http://", "https://", "HTTP://", "http:", "hxxp://", "ftp://", "//", ""]),
    st.sampled_from(["", "", "", "u@", "u:p@"]),
    st.just("example.com") | hosts,
    st.sampled_from(["", "", "", ":", ":80", ":443", ":8080", ":99999"]),
    st.sampled_from(["", "/", "/", "?", "#"]),
    pieces,
)
hostile = st.one_of(st.text(), pieces, dotted, ranges, hosts, web)
batches = st.lists(hostile | st.none(), max_size=12)


def answer(scalar: Callable[[str], str], text: str | None) -> tuple[str | None, str | None]:
    """Return the expected row of the column form: a value or a reason."""
    if text is None:
        return None, None
    try:
        return scalar(text), None
    except InvalidIndicator as refused:
        return None, refused.reason


def assert_same(pair: Pair, texts: list[str | None]) -> None:
    found = pair.frame(pl.Series(texts, dtype=pl.String)).select("value", "reason").rows()
    expected = [answer(pair.scalar, text) for text in texts]
    if found != expected:  # a million rows are compared faster without pytest's own report
        different = zip(texts, found, expected, strict=True)
        assert not [row for row in different if row[1] != row[2]][:20]


@each_pair
@given(batch=batches)
def test_frame_is_scalar(pair: Pair, batch: list[str | None]) -> None:
    assert_same(pair, batch + batch[:3])


@each_pair
@given(text=hostile)
def test_canonical_is_idempotent(pair: Pair, text: str) -> None:
    value, _ = answer(pair.scalar, text)
    if value is not None:
        assert pair.scalar(value) == value


@given(st.lists(hostile))
def test_kind_of_hosts_is_the_scalar_one(texts: list[str]) -> None:
    found = canonicalize_hosts(pl.Series(texts, dtype=pl.String))
    for text, kind in zip(texts, found["kind"], strict=True):
        try:
            assert canonicalize_host(text)[0].value == kind
        except InvalidIndicator:
            continue


@each_pair
@pytest.mark.parametrize(
    ("texts", "why"),
    [
        ([], "an empty column"),
        ([None], "nothing but null"),
        ([None, "a.example", None, "192.0.2.1", "é.example", "::1", None], "nulls keep their rows"),
        (["é.example"] * 3 + ["::1"] * 3 + ["0x7f.1"] * 3 + ["bad name"] * 3, "repeated rows"),
        (["HTTP://A.example/?"] * 2 + ["http://a.example/"] * 2, "repeated URLs"),
    ],
)
def test_rows_keep_their_places(pair: Pair, texts: list[str | None], why: str) -> None:
    assert_same(pair, texts)
    assert pair.frame(pl.Series(texts, dtype=pl.String)).height == len(texts), why


@pytest.mark.parametrize(
    "template", ["http://{}a.example", "http://a.example{}/", "http://a.example/x{}"]
)
def test_every_two_characters_in_a_url(template: str) -> None:
    characters = [chr(code) for code in range(0x20, 0x7F)]
    pairs = [template.format(one + two) for one in characters for two in characters]
    assert_same(
        PAIRS["urls"], [*pairs, *(template.format(f"?{chr(code)}") for code in range(0x180))]
    )


def tokens(files: Iterable[Path]) -> list[str]:
    """Return all different words of a text in a fixed order."""
    return sorted({token for file in files for token in file.read_text("utf-8", "replace").split()})


def text_files(folder: Path) -> list[Path]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [
        path
        for path in files
        if path.suffix in {".txt", ".hosts", ".conf", ".tsv", ".json", ".dat"}
    ]


@pytest.mark.corpus
@pytest.mark.parametrize("which", ["names", "hosts"])
def test_names_of_real_feeds(corpus: Path, which: str) -> None:
    found = tokens(text_files(corpus))
    assert len(found) > 100_000
    assert_same(PAIRS[which], [*found])


@pytest.mark.corpus
def test_networks_of_real_feeds(corpus: Path) -> None:
    files = [*corpus.glob("*.ips.txt"), *corpus.glob("*.cidr.txt"), *corpus.glob("*.tsv")]
    found = tokens(files)
    assert len(found) > 10_000
    assert_same(PAIRS["networks"], [*found])


@pytest.mark.corpus
def test_urls_of_real_feeds(corpus: Path) -> None:
    lines = (corpus / "openphish.urls.txt").read_text("utf-8", "replace").splitlines()
    looks_like_one = re.compile(r"https?:|hxxp|/[^/]")
    trails = tokens(corpus.glob("maltrail*"))
    schemed = [trail for trail in trails if looks_like_one.search(trail)]
    assert len(lines) > 100
    assert len(schemed) > 100
    assert_same(PAIRS["urls"], [*lines, *schemed, *(f"http://{trail}" for trail in trails[::5])])


@pytest.mark.corpus
def test_merging_real_feeds(corpus: Path) -> None:
    texts = pl.Series(tokens(corpus.glob("*.ips.txt")))
    listed = canonicalize_networks(texts)["value"].drop_nulls()
    merged = merge_spans(networks_to_spans(listed))
    parts = [parse_network(text) for text in listed.to_list()]
    ipv4 = collapse_addresses(part for part in parts if part.version == 4)
    ipv6 = collapse_addresses(part for part in parts if part.version == 6)
    expected = [*map(format_network, ipv4), *map(format_network, ipv6)]
    assert spans_to_networks(merged).to_list() == expected
