"""Parsing: what every line of every format means, and that each line is accounted for."""

from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from blocklist import names, networks, urls
from blocklist.columns.schema import INDICATORS, REFUSALS
from blocklist.errors import Refused
from blocklist.model import Scope
from blocklist.parse import FORMATS, Options, Parsed, detect, parse

COMMENT = "a comment"


class Is(NamedTuple):
    """An indicator as a test expects it."""

    value: str
    scope: str = "exact"
    kind: str = "domain"


def sub(value: str) -> Is:
    return Is(value, "subtree")


def ip(value: str) -> Is:
    return Is(value, kind="ip")


def url(value: str) -> Is:
    return Is(value, kind="url")


Expected = str | list[Is]
Rows = list[tuple[str, Expected, str]]

NAMES: Rows = [
    ("a.example", [Is("a.example")], "a name"),
    ("A.Example.", [Is("a.example")], "upper case and a trailing dot"),
    ("  a.example\t", [Is("a.example")], "white space around it"),
    ("bücher.example", [Is("xn--bcher-kva.example")], "Unicode becomes A-labels"),
    ("аррӏе.example", [Is("xn--80ak6aa92e.example")], "a homograph is the fraud itself"),
    ("XN--80AK6AA92E.example", [Is("xn--80ak6aa92e.example")], "an A-label in upper case"),
    ("a_b.example", [Is("a_b.example")], "an underscore is legal in DNS"),
    ("evil[.]example", [Is("evil.example")], "defanged"),
    ("0000153.0000255.0000011.0000125", [ip("107.173.9.85")], "octal, as browsers read it"),
    ("2001:DB8::1", [ip("2001:db8::1")], "an IPv6 address"),
    ("a.example # phish", [Is("a.example")], "an inline comment"),
    ("a.example ; phish", [Is("a.example")], "an inline comment of another kind"),
    ("a.example\t// phish", [Is("a.example")], "and of a third"),
    ("a.example#x", "bad-character", "no white space: may be a cosmetic rule, never its host"),
    ("a.example##.ad", "bad-character", "a cosmetic rule says nothing about the host"),
    ("# a.example", COMMENT, "a comment"),
    ("! a.example", COMMENT, "an adblock comment"),
    ("; a.example", COMMENT, "a zone file's comment"),
    ("//a.example", COMMENT, "a comment as in C"),
    (" \t ", COMMENT, "nothing but white space"),
    ("com", "single-label", "a top-level domain is no fraud host"),
    ("localhost", "single-label", "nor is a lone word"),
    ("42", "single-label", "nor a lone number, though browsers read an address"),
    (".", "empty", "the root"),
    ("a..example", "empty-label", "two dots"),
    ("a.example b.example", "several-words", "two names on a line are another format"),
    ("0.0.0.0 a.example", "several-words", "a hosts line is another format"),
    ("http://a.example/x", "not-an-address", "a URL is no evidence about its host"),
    ("a.example/x", "bad-character", "nor is a path"),
    ("192.0.2.0/24", "bad-character", "a network is no name"),
    ("||a.example^", "bad-character", "an adblock rule"),
    ("a.example:8080", "not-an-address", "a port"),
    ("a'b.example", "bad-character", "a quote"),
    ('a"b.example', "bad-character", "a double quote"),
    ("a;b.example", "bad-character", "a semicolon"),
    ("a\0b.example", "bad-character", "NUL"),
    ("a\u2028b.example", "several-words", "a line separator is no line end"),
    ("a" * 64 + ".example", "label-too-long", "64 octets"),
    ("a." * 126 + "bb", "too-long", "254 octets"),
    ("a" * 8193, "line-too-long", "longer than anything that lists something"),
]
DOMAINS: Rows = [
    *NAMES,
    ("*.a.example", [sub("a.example")], "a wildcard covers the name and all below"),
    (".a.example", [sub("a.example")], "the same, as squid writes it"),
    ("*", "bad-character", "everything"),
    ("*.*.a.example", "bad-character", "no wildcard but at the start"),
    ("*a.example", "bad-character", "part of a label is more than a name can say"),
    ("*..a.example", "empty-label", "a dot too many"),
]
WILDCARD: Rows = [
    ("a.example", [sub("a.example")], "plain names cover their subtree"),
    ("*.a.example", [sub("a.example")], "so do marked ones"),
    ("*.A.example. # x", [sub("a.example")], "dirt as anywhere"),
    ("192.0.2.1", [ip("192.0.2.1")], "an address has no subtree"),
]
HOSTS: Rows = [
    ("0.0.0.0 a.example", [Is("a.example")], "a hosts line"),
    ("127.0.0.1\ta.example", [Is("a.example")], "another sink, a tab"),
    ("::1 a.example", [Is("a.example")], "an IPv6 sink"),
    (":: a.example", [Is("a.example")], "another one"),
    ("0 a.example", [Is("a.example")], "the shortest sink"),
    ("0.0.0.0 A.Example. # x", [Is("a.example")], "dirt as anywhere"),
    ("0.0.0.0 a.example#x", [Is("a.example")], "hosts(5): a # starts a comment anywhere"),
    ("0.0.0.0 a.example b.example", [Is("a.example"), Is("b.example")], "several names"),
    ("0.0.0.0 a.example b!c", [Is("a.example")], "a bad name beside a good one"),
    ("0.0.0.0 a.example\fb.example", [Is("a.example"), Is("b.example")], "odd white space"),
    ("192.0.2.66 a.example", [Is("a.example")], "a redirect's address is never taken over"),
    ("0.0.0.0 0.0.0.0", [ip("0.0.0.0")], "in many lists; the judge protects it"),
    ("0.0.0.0 107.173.9.85", [ip("107.173.9.85")], "dirt, but evidence"),
    ("127.0.0.1 localhost", "single-label", "the file's own boilerplate"),
    ("fe80::1%lo0 localhost", "single-label", "the same with a zone"),
    ("0.0.0.0 *.a.example", "bad-character", "hosts files know no wildcards"),
    ("0.0.0.0 a;b.example", "bad-character", "a semicolon"),
    ("0.0.0.0", "no-address-and-name", "no name"),
    ("0.0.0.0 # a.example", "no-address-and-name", "no name but a comment"),
    ("a.example", "no-address-and-name", "no address"),
    ("dead.beef a.example", "no-address-and-name", "letters of a number, but no address"),
    ("... a.example", "no-address-and-name", "dots are no address"),
    ("# 0.0.0.0 a.example", COMMENT, "commented out"),
]
ADBLOCK: Rows = [
    ("||a.example^", [sub("a.example")], "the name and all below"),
    ("||A.example^|", [sub("a.example")], "upper case, an end anchor"),
    ("||a.example.^", [sub("a.example")], "a trailing dot"),
    ("||a.example", [sub("a.example")], "without an end: less than a browser would block"),
    ("||*.a.example^", [Is("a.example", "below")], "only what is below"),
    ("||bücher.example^", [sub("xn--bcher-kva.example")], "Unicode"),
    ("||192.0.2.1^", [ip("192.0.2.1")], "an address"),
    ("||a.example^$important", [sub("a.example")], "a modifier that changes nothing here"),
    ("||a.example^$all,document", [sub("a.example")], "two of them"),
    ("a.example", [Is("a.example")], "a plain name is exact (AdGuard)"),
    ("||a.example^$third-party", "modifier", "on its own pages it is not blocked"),
    ("||a.example^$important,script", "modifier", "one limit is enough"),
    ("||a.example^$dnsrewrite=192.0.2.1", "modifier", "where to send people is not theirs to say"),
    ("||a.example^$badfilter", "modifier", "takes another rule back"),
    ("@@||a.example^", "exception", "a block feed has no say in allows"),
    ("@@a.example", "exception", "in no form"),
    ("/ads[0-9]+/", "regex", "a regular expression"),
    ("/ads/$script", "regex", "with a modifier"),
    ("a.example##.ad", "cosmetic", "hides an element"),
    ("a.example#@#.ad", "cosmetic", "shows one"),
    ("a.example#%#//scriptlet('x')", "cosmetic", "a scriptlet"),
    ("##.ad", "cosmetic", "no comment"),
    ("||a.example/x", "path", "a path says nothing about the host"),
    ("http://a.example/x", "path", "a URL"),
    ("|https://a.example/", "path", "an anchored URL"),
    ("||ads.", "pattern", "the start of a name is more than a name"),
    ("||a.example.", "pattern", "so is this: a.example.evil.example"),
    ("||a*.example^", "pattern", "a wildcard within"),
    ("||a.example:8080^", "pattern", "a port"),
    ("0.0.0.0 a.example", "pattern", "a hosts line"),
    ("||com^", "single-label", "a top-level domain"),
    ("||a'b.example^", "bad-character", "a quote"),
    ("! a.example", COMMENT, "a comment"),
    ("# a.example", COMMENT, "a comment of other lists"),
    ("#", COMMENT, "an empty one"),
    ("[Adblock Plus 2.0]", COMMENT, "the header"),
]
URLS: Rows = [
    ("http://a.example/x?y=1", [url("http://a.example/x?y=1")], "a URL"),
    ("HTTPS://A.example:443", [url("https://a.example/")], "as browsers write it"),
    ("http://a.example/x#y", [url("http://a.example/x")], "a fragment is no comment, and dropped"),
    ("http://a.example/x # y", [url("http://a.example/x")], "a comment"),
    ("hxxps[://]a[.]example/x", [url("https://a.example/x")], "defanged"),
    ("a.example/x", [url("http://a.example/x")], "no scheme"),
    ("a.example:8080", [url("http://a.example:8080/")], "no scheme, a port"),
    ("192.0.2.1:8080", [url("http://192.0.2.1:8080/")], "the same with an address"),
    ("[2001:db8::1]:8080", [url("http://[2001:db8::1]:8080/")], "the same with an IPv6 address"),
    ("2001:db8::1", [ip("2001:db8::1")], "an IPv6 address is no host with a port"),
    ("a.example", [Is("a.example")], "a host"),
    ("http://0x7f.1/", [url("http://127.0.0.1/")], "an odd spelling of an address"),
    ("http://user:pw@a.example/", [url("http://a.example/")], "credentials are not sent"),
    ("ftp://a.example/x", "scheme", "another scheme"),
    ("a.example:99999", "not-a-url", "no port"),
    ("http://", "not-a-url", "no host"),
    ("/x/y", "bad-character", "no host but a path"),
    ("http://a b.example/", "not-a-url", "a space in the host"),
    ("http://a.example/" + "x" * 4096, "too-long", "a URL of more than 4096"),
    ("a b", "bad-character", "words"),
    ("# http://a.example/", COMMENT, "commented out"),
]
IPS: Rows = [
    ("192.0.2.1", [ip("192.0.2.1")], "an address"),
    ("192.0.2.1/24", [ip("192.0.2.0/24")], "a network, host bits cleared"),
    ("192.0.2.1/32", [ip("192.0.2.1")], "a network of one"),
    ("2001:DB8::/32", [ip("2001:db8::/32")], "IPv6"),
    ("::ffff:192.0.2.1", [ip("192.0.2.1")], "IPv4 in IPv6"),
    ("192.0.2.1:443", [ip("192.0.2.1")], "a port"),
    ("[2001:db8::1]:443", [ip("2001:db8::1")], "a port behind brackets"),
    ("[2001:db8::1]", [ip("2001:db8::1")], "brackets alone"),
    ("192[.]0[.]2[.]1", [ip("192.0.2.1")], "defanged"),
    ('"192.0.2.1","US"', [ip("192.0.2.1")], "quotes"),
    ("192.0.2.1\t7", [ip("192.0.2.1")], "a count behind a tab"),
    ("192.0.2.1,malware,2026-01-01", [ip("192.0.2.1")], "further columns"),
    ("192.0.2.0/24 ; SBL1", [ip("192.0.2.0/24")], "as Spamhaus writes it"),
    ("192.0.2.1 # x", [ip("192.0.2.1")], "a comment"),
    ("192.0.2.0-192.0.2.255", [ip("192.0.2.0/24")], "a range that is a network"),
    (
        "192.0.2.1 - 192.0.2.4, x",
        [ip("192.0.2.1"), ip("192.0.2.2/31"), ip("192.0.2.4")],
        "a range that is three, and a column",
    ),
    ("2001:db8::-2001:db8::1", [ip("2001:db8::/127")], "a range of IPv6"),
    ("192.0.2.9-192.0.2.9", [ip("192.0.2.9")], "a range of one"),
    ("0.0.0.0-255.255.255.255", [ip("0.0.0.0/0")], "all; the judge protects"),
    ("192.0.2.4-192.0.2.1", "range-reversed", "backwards"),
    ("192.0.2.1-2001:db8::1", "range-reversed", "from one family to the other"),
    ("192.0.2.1-9", "not-an-address", "a short range could mean several things"),
    ("010.0.0.1", "leading-zero", "octal to some, decimal to others"),
    ("010.0.0.1-10.0.0.2", "leading-zero", "also in a range"),
    ("192.0.2.0/33", "not-an-address", "no such prefix"),
    ("a.example", "not-an-address", "a name"),
    ("127.0.0.1 localhost", "line-of-hosts", "a hosts list must not pass for addresses"),
    ("0.0.0.0 a.example", "line-of-hosts", "and 0.0.0.0 is not what it lists"),
    ("# 192.0.2.1", COMMENT, "commented out"),
]
CSV: Rows = [
    ("1,a.example", [Is("a.example")], "the second column"),
    ('1,"a.example"', [Is("a.example")], "in quotes"),
    ('"Foo, Inc",a.example', [Is("a.example")], "a separator between quotes"),
    ('"say ""hi"", you", a.example ,x', [Is("a.example")], "a quote between quotes"),
    (",a.example", [Is("a.example")], "an empty first column"),
    ('"",a.example', [Is("a.example")], "the same in quotes"),
    ("1,*.a.example", [sub("a.example")], "a wildcard"),
    ("1,http://a.example/x", [url("http://a.example/x")], "a URL"),
    ('1,"http://a.example/x,y"', [url("http://a.example/x,y")], "a URL with a separator"),
    ("1,192.0.2.1", [ip("192.0.2.1")], "an address"),
    ("1,192.0.2.0/24", [ip("192.0.2.0/24")], "a network"),
    ("a.example", "no-such-column", "too few columns"),
    ("rank,name", "single-label", "a header"),
    ("1,", "empty", "an empty field"),
    ('1,a"b.example', "bad-character", "a stray quote"),
    ("# rank,name", COMMENT, "a comment"),
]
FORMAT_TABLES: dict[str, Rows] = {
    "domains": DOMAINS,
    "wildcard": WILDCARD,
    "hosts": HOSTS,
    "adblock": ADBLOCK,
    "urls": URLS,
    "ips": IPS,
    "csv": CSV,
}
TABLE = [(name, *row) for name, rows in FORMAT_TABLES.items() for row in rows]


def found(parsed: Parsed) -> list[Is]:
    return [Is(*row) for row in parsed.indicators.select("value", "scope", "kind").iter_rows()]


def assert_counts(parsed: Parsed) -> None:
    assert parsed.lines == parsed.accepted + parsed.comments + parsed.refusals.height
    assert sum(parsed.refused.values()) == parsed.refusals.height
    assert parsed.refusals["line"].is_unique().all()
    assert parsed.indicators.schema == INDICATORS
    assert parsed.refusals.schema == REFUSALS


def assert_is(parsed: Parsed, expected: Expected, why: str) -> None:
    assert_counts(parsed)
    indicators = expected if isinstance(expected, list) else []
    assert found(parsed) == indicators, why
    assert parsed.comments == (expected == COMMENT), why
    refused = isinstance(expected, str) and expected != COMMENT
    assert list(parsed.refused) == ([expected] if refused else []), why


def test_every_format_has_a_table() -> None:
    assert {*FORMAT_TABLES, "misp"} == set(FORMATS)


@pytest.mark.parametrize(("name", "line", "expected", "why"), TABLE)
def test_a_line(name: str, line: str, expected: Expected, why: str) -> None:
    assert_is(parse(line.encode(), name, Options(column=2)), expected, why)


@pytest.mark.parametrize("name", FORMAT_TABLES)
def test_lines_do_not_touch_each_other(name: str) -> None:
    rows = FORMAT_TABLES[name]
    parsed = parse("\n".join(row[0] for row in rows).encode(), name, Options(column=2))
    assert_counts(parsed)
    expected = [row[1] for row in rows]
    assert parsed.lines == len(rows)
    assert parsed.comments == expected.count(COMMENT)
    assert parsed.accepted == sum(isinstance(one, list) for one in expected)
    listed = {one for part in expected if isinstance(part, list) for one in part}
    assert sorted(found(parsed)) == sorted(listed)
    refused = zip(parsed.refusals["line"], parsed.refusals["reason"], strict=True)
    assert all(expected[line - 1] == reason for line, reason in refused)


@pytest.mark.parametrize(
    ("document", "expected", "why"),
    [
        (
            '{"type": "hostname", "list": ["a.example", ".b.example"]}',
            [sub("a.example"), sub("b.example")],
            "a hostname stands for all below it",
        ),
        (
            '{"type": "string", "list": ["a.example", ".b.example"]}',
            [Is("a.example"), sub("b.example")],
            "a string for itself, unless it starts with a dot",
        ),
        ('{"list": ["a.example"]}', [Is("a.example")], "no type is string"),
        ('{"type": "cidr", "list": ["192.0.2.0/24"]}', [ip("192.0.2.0/24")], "networks"),
        ('{"type": "cidr", "list": ["a.example"]}', "not-an-address", "a name among networks"),
        ('{"type": "regex", "list": ["^a"]}', "regex", "a pattern covers more than a name"),
        ('{"type": "substring", "list": ["a.example"]}', "substring", "so does a part of one"),
        ('{"type": "not-json", "list": ["a.example"]}', "unknown-type", "reasons are ours alone"),
        ('{"type": {}, "list": ["a.example"]}', "unknown-type", "not even a text"),
        ('{"list": [42]}', "single-label", "a number"),
        ('{"list": [{"a": []}]}', "not-an-address", "a table"),
        ('{"list": ["\\ud800.example"]}', "bad-character", "half a character"),
        ('{"list": ["a.example\\nb.example"]}', "bad-character", "a line end in a name"),
        ('{"list": [""]}', COMMENT, "nothing"),
        ('["a.example"]', "not-a-warninglist", "another document"),
        ('{"list": "a.example"}', "not-a-warninglist", "no list"),
        ("a.example", "not-json", "no document"),
        ("[" * 100_000, "not-json", "deeper than can be read"),
        ('{"list": [' + "[" * 500 + "]" * 500 + "]}", "bad-character", "deep, but readable"),
        ('{"list": [1' + "0" * 5000 + "]}", "not-json", "a number beyond measure"),
    ],
)
def test_a_warninglist(document: str, expected: Expected, why: str) -> None:
    assert_is(parse(document.encode(), "misp"), expected, why)


NONE: list[str] = []


@pytest.mark.parametrize(
    ("body", "lines", "values", "why"),
    [
        (b"", 0, NONE, "nothing"),
        (b"\n", 1, NONE, "an empty line"),
        (b"\r\n\r\n", 2, NONE, "two"),
        (b"a.example\nb.example", 2, ["a.example", "b.example"], "no line end at the end"),
        (b"a.example\nb.example\n", 2, ["a.example", "b.example"], "LF"),
        (b"a.example\r\nb.example\r\n", 2, ["a.example", "b.example"], "CRLF"),
        (b"a.example\rb.example\r", 2, ["a.example", "b.example"], "CR"),
        (b"a.example\r\nb.example\rc.example\n\n", 4, ["a.example", "b.example", "c.example"], "*"),
        (b"\xef\xbb\xbfa.example\n", 1, ["a.example"], "a byte order mark"),
        ("\ufeffä.example\n".encode("utf-16-le"), 1, ["xn--4ca.example"], "UTF-16"),
        ("\ufeffä.example\n".encode("utf-16-be"), 1, ["xn--4ca.example"], "the other way round"),
        (b"\xff\xfea", 1, NONE, "half a character of UTF-16"),
        (b"\xe4.example\nb.example\n", 2, ["b.example"], "Latin-1 is not guessed at"),
        (b"\x00\x01\x02\xff\n\x7fELF\x80\n", 2, NONE, "no text at all"),
        (b"a.example\x0bb.example\x0cc.example\x85", 1, NONE, "these are no line ends"),
    ],
)
def test_a_body(body: bytes, lines: int, values: list[str], why: str) -> None:
    for name in ("domains", "urls", "adblock", "csv", "wildcard"):
        parsed = parse(body, name)
        assert_counts(parsed)
        assert parsed.lines == lines, why
        assert parsed.indicators["value"].to_list() == values, why


@pytest.mark.parametrize(
    ("name", "megabytes"), [(name, 100 if name in {"domains", "misp"} else 1) for name in FORMATS]
)
def test_an_endless_line(name: str, megabytes: int) -> None:
    parsed = parse(b"a" * megabytes * 1_000_000 + b"\n# b", name)
    assert_counts(parsed)
    assert parsed.accepted == 0
    assert parsed.refusals["text"].str.len_chars().max() == (100 if name == "misp" else 200)


@pytest.mark.parametrize(
    ("name", "line", "evidence", "why"),
    [
        ("domains", "evil[.]Example", "evil[.]Example", "defanged, as it was seen"),
        ("domains", "*.A.example # x", "A.example", "the mark is told by the scope"),
        ("domains", "bücher.example", "bücher.example", "Unicode"),
        ("hosts", "192.0.2.66 A.example", "A.example", "not the address"),
        ("adblock", "||A.example^$all", "A.example", "the name"),
        ("urls", "hxxp://evil[.]example", "hxxp://evil[.]example", "defanged"),
        ("urls", "evil.example/x", "evil.example/x", "no scheme was seen"),
        ("ips", "192.0.2.1:443 x", "192.0.2.1:443", "the port is evidence"),
        ("ips", "192.0.2.0 - 192.0.2.255", "192.0.2.0 - 192.0.2.255", "the range"),
        ("ips", "192[.]0[.]2[.]1", "192[.]0[.]2[.]1", "defanged"),
    ],
)
def test_evidence_is_the_form_as_seen(name: str, line: str, evidence: str, why: str) -> None:
    assert parse(line.encode(), name).indicators["evidence"].to_list() == [evidence], why


def test_refusals_show_the_line() -> None:
    parsed = parse(b"0.0.0.0 a.example\n0.0.0.0 b;c d!e # x\n\nf\n", "hosts")
    assert parsed.refusals.rows() == [
        (2, "bad-character", "0.0.0.0 b;c d!e # x"),
        (4, "no-address-and-name", "f"),
    ]


def test_what_is_dropped_is_counted() -> None:
    body = b"192.0.2.9 a.example b.example\n0.0.0.0 a.example localhost x!y\n0.0.0.0 A.example\n"
    parsed = parse(body, "hosts")
    assert parsed.accepted == 3
    assert parsed.dropped == {
        "redirect-address": 2,
        "duplicate": 2,
        "beside-single-label": 1,
        "beside-bad-character": 1,
    }


def test_evidence_and_line_are_of_the_first_sighting() -> None:
    indicators = parse(b"\nA.example\na.example\n", "domains").indicators
    assert indicators.select("evidence", "line").rows() == [("A.example", 2)]


@pytest.mark.parametrize(
    ("options", "expected", "why"),
    [
        (Options(), [sub("a.example"), Is("b.example", "below"), ip("192.0.2.1")], "as written"),
        (
            Options(scope=Scope.EXACT),
            [Is("a.example"), Is("b.example"), ip("192.0.2.1")],
            "the feed's word counts",
        ),
        (
            Options(scope=Scope.SUBTREE),
            [sub("a.example"), sub("b.example"), ip("192.0.2.1")],
            "addresses have no subtree",
        ),
        (Options(rank_limit=1), [sub("a.example")], "no more than was asked for"),
    ],
)
def test_options(options: Options, expected: list[Is], why: str) -> None:
    parsed = parse(b"! x\n||a.example^\n||*.b.example^\n||192.0.2.1^\n", "adblock", options)
    assert_counts(parsed)
    assert found(parsed) == expected, why


def test_a_rank_limit_makes_no_list_unreadable() -> None:
    parsed = parse(
        b"# head\na.example\nb!\nc.example\nd.example\n", "domains", Options(rank_limit=2)
    )
    assert parsed.refused == {"beyond-rank-limit": 2, "bad-character": 1}
    assert parsed.share_accepted == 0.5, "of the two lines that were read"


@pytest.mark.parametrize("separator", [";", "\t", "|", "^", "]", "-", "\\", " "])
@pytest.mark.parametrize(
    ("first", "why"),
    [("x", "plain"), ('x"', "a stray quote"), ('"x', "an open quote"), ('"x{}y"', "in quotes")],
)
def test_separators(separator: str, first: str, why: str) -> None:
    row = f"{first.format(separator)}{separator}a.example{separator}y"
    parsed = parse(row.encode(), "csv", Options(column=2, separator=separator))
    assert found(parsed) == [Is("a.example")], why


SCALAR: dict[str, Callable[[str], str]] = {
    "domain": names.canonical,
    "ip": lambda text: networks.text(networks.parse(text)),
    "url": lambda text: urls.parse(text).value,
}
PIECES = [
    "a.example", "B.example.", "bücher.example", "*.c.example", ".d.example", "co.uk", "com", "x",
    "192.0.2.1", "192.0.2.0/24", "2001:db8::1", "2001:db8::/32", "0.0.0.0", "127.0.0.1", "::1",
    "0x7f.1", "010.0.0.1", "192.0.2.1-192.0.2.77", "192.0.2.9 - 192.0.2.1", "http://", "hxxps[://]",
    "https://", "/", "/x", "?y", ":80", "[", "]", "[.]", "||", "^", "@@", "$third-party", "$all",
    "$important", "##", "#@#", "#", "!", ";", "//", " ", "\t", ",", '"', "'", "*", "|", ".", "-",
    "\0", "\n", "\r\n", "\r", "\v", "\f", "\x85", "\u2028", "\u200b", "\ufeff", "ä", "١", "💣",
    '{"list": [', "]}", '"type": "cidr"', "localhost", "a" * 64, "b" * 9000, "%2e", "%", "\\",
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
formats = st.sampled_from(sorted(FORMATS))
options = st.builds(
    Options,
    scope=st.none() | st.sampled_from(Scope),
    column=st.integers(1, 3),
    separator=st.sampled_from(",;\t|^]-\\"),
    rank_limit=st.none() | st.integers(1, 5),
)


@given(body=encoded, name=formats, options=options)
@example(body=b"", name="misp", options=Options())
@example(body=b"0.0.0.0 \x85", name="hosts", options=Options())
def test_every_line_is_accounted_for(body: bytes, name: str, options: Options) -> None:
    parsed = parse(body, name, options)
    assert_counts(parsed)
    if name != "misp":
        wide = body[:2] in (b"\xff\xfe", b"\xfe\xff")
        text = body.decode("utf-16" if wide else "utf-8", "replace")
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        text = text if wide else text.removeprefix("\ufeff")
        assert parsed.lines == len(text.removesuffix("\n").split("\n")) * bool(text)
    for kind, value, scope in parsed.indicators.select("kind", "value", "scope").iter_rows():
        assert SCALAR[kind](value) == value
        assert kind == "domain" or scope == "exact"
    assert not parsed.indicators.select("kind", "value", "scope").is_duplicated().any()


@settings(max_examples=15)
@given(body=encoded)
def test_detect_reads_anything(body: bytes) -> None:
    name = detect(body)
    assert name is None or parse(body, name).accepted


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
).map(lambda text: networks.text(networks.parse(text)))
some_urls = st.builds("{}://{}/{}".format, st.sampled_from(["http", "https"]), some_names, labels)
RENDERED: dict[str, tuple[st.SearchStrategy[str], str, Scope]] = {
    "domains": (some_names, "{}", Scope.EXACT),
    "wildcard": (some_names, "*.{}", Scope.SUBTREE),
    "hosts": (some_names, "0.0.0.0 {}", Scope.EXACT),
    "adblock": (some_names, "||{}^", Scope.SUBTREE),
    "urls": (some_urls, "{}", Scope.EXACT),
    "ips": (some_networks, "{}", Scope.EXACT),
    "csv": (some_names, '"{}",x', Scope.EXACT),
}


@pytest.mark.parametrize("name", RENDERED)
@settings(max_examples=30)
@given(data=st.data())
def test_parsing_gives_back_what_was_rendered(name: str, data: st.DataObject) -> None:
    strategy, line, scope = RENDERED[name]
    values = data.draw(st.lists(strategy, max_size=20, unique=True))
    parsed = parse("".join(line.format(value) + "\n" for value in values).encode(), name)
    assert parsed.indicators["value"].to_list() == values
    assert set(parsed.indicators["scope"]) <= {scope.value}
    assert parsed.accepted == len(values)


ends = st.ip_addresses()
spans = st.builds("{}-{}".format, ends, ends) | ends.map("{0}-{0}".format)


@settings(max_examples=25)
@given(spans=st.lists(spans, max_size=8))
@example(spans=["::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "0.0.0.0-255.255.255.255"])
def test_ranges_are_what_the_scalar_form_says(spans: list[str]) -> None:
    expected: dict[str, int] = {}
    for line, span in enumerate(spans, 1):
        with suppress(Refused):
            for network in networks.parse_range(span):
                expected.setdefault(networks.text(network), line)
    indicators = parse("\n".join(spans).encode(), "ips").indicators
    assert indicators.select("value", "line").rows() == list(expected.items())


@pytest.mark.parametrize(
    ("text", "expected", "why"),
    [
        ("a.example\nb.example\nbücher.example\n", "domains", "names"),
        ("# x\na.example\n192.0.2.1\n", "domains", "names with an address among them"),
        ("*.a.example\n*.b.example\n", "wildcard", "every name is marked"),
        ("# Syntax: Wildcard Domains\na.example\n", "wildcard", "the header says so"),
        ("*.a.example\nb.example\n", "domains", "one mark does not widen the others"),
        ("0.0.0.0 a.example\n0.0.0.0 b.example\n", "hosts", "a hosts file"),
        (
            "127.0.0.1 localhost\n::1 ip6-localhost\n0.0.0.0 a.example\n0.0.0.0 b.example\n",
            "hosts",
            "a hosts file with what belongs to the system",
        ),
        ("192.0.2.9 a.example\n192.0.2.9 b.example\n", "hosts", "a redirecting one"),
        ("||a.example^\n@@||b.example^\n||c.example^\n", "adblock", "rules"),
        ("[Adblock Plus]\n! x\n||a.example^$third-party\n||b.example^\n", "adblock", "a header"),
        ("http://a.example/x\nhxxps://b[.]example/\n", "urls", "URLs"),
        ("192.0.2.1\n192.0.2.2\n", "ips", "addresses"),
        ("192.0.2.1:80\n192.0.2.2:80\n", "ips", "addresses with ports"),
        ("192.0.2.0/24\n2001:db8::/32\n192.0.2.1-192.0.2.9\n", "ips", "networks"),
        ("192.0.2.1\t7\n192.0.2.2\t3\n", "ips", "addresses with counts"),
        ('{"type": "string", "list": ["a.example"]}', "misp", "a warninglist"),
        ('["a.example", "b.example"]', None, "another document"),
        ("<!doctype html>\n<title>Log in</title>\n<p>Please log in.\n", None, "a web page"),
        ("local-zone: a.example always_nxdomain\n", None, "a format that is not known yet"),
        ("\0\1\2\n\xff\xfe\n", None, "bytes"),
        ("# nothing\n", None, "comments"),
        ("", None, "nothing"),
    ],
)
def test_detect(text: str, expected: str | None, why: str) -> None:
    assert detect(text.encode()) == expected, why
