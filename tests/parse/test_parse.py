"""Parsing: lines of every format -> indicators or refusals; every line is counted."""

import pytest

from blocklist.model import Scope
from blocklist.parse.detect import detect_format
from blocklist.parse.options import ParseOptions
from blocklist.parse.parser import parse_snapshot
from blocklist.parse.registry import load_formats
from blocklist.parse.result import ParseResult
from tests.support.parse_checks import assert_counts, list_indicators
from tests.support.parse_tables import (
    COMMENT,
    DOCUMENTS,
    FORMAT_TABLES,
    TABLE,
    Expected,
    Is,
    bundle,
    event,
    ip,
    sub,
)


def assert_is(parsed: ParseResult, expected: Expected, why: str) -> None:
    assert_counts(parsed)
    indicators = expected if isinstance(expected, list) else []
    assert list_indicators(parsed) == indicators, why
    assert parsed.comments == (expected == COMMENT), why
    refused = isinstance(expected, str) and expected != COMMENT
    assert list(parsed.refusal_counts) == ([expected] if refused else []), why


def test_every_format_has_a_table() -> None:
    assert {*FORMAT_TABLES, *(row[0] for row in DOCUMENTS)} == set(load_formats())


@pytest.mark.parametrize(("name", "line", "expected", "why"), TABLE)
def test_a_line(name: str, line: str, expected: Expected, why: str) -> None:
    assert_is(parse_snapshot(line.encode(), name, ParseOptions(column=2)), expected, why)


@pytest.mark.parametrize("name", FORMAT_TABLES)
def test_lines_are_independent(name: str) -> None:
    rows = FORMAT_TABLES[name]
    parsed = parse_snapshot(
        "\n".join(row[0] for row in rows).encode(), name, ParseOptions(column=2)
    )
    assert_counts(parsed)
    expected = [row[1] for row in rows]
    assert parsed.lines == len(rows)
    assert parsed.comments == expected.count(COMMENT)
    assert parsed.accepted == sum(isinstance(each, list) for each in expected)
    listed = {each for row in expected if isinstance(row, list) for each in row}
    assert sorted(list_indicators(parsed)) == sorted(listed)
    refused = zip(parsed.refusals["line"], parsed.refusals["reason"], strict=True)
    assert all(expected[line - 1] == reason for line, reason in refused)


@pytest.mark.parametrize(
    ("document", "expected", "why"),
    [
        (
            '{"type": "hostname", "list": ["a.example", ".b.example"]}',
            [sub("a.example"), sub("b.example")],
            "a hostname covers all names below it",
        ),
        (
            '{"type": "string", "list": ["a.example", ".b.example"]}',
            [Is("a.example"), sub("b.example")],
            "a string covers itself, unless it starts with a dot",
        ),
        ('{"list": ["a.example"]}', [Is("a.example")], "the default type is string"),
        ('{"type": "cidr", "list": ["192.0.2.0/24"]}', [ip("192.0.2.0/24")], "networks"),
        ('{"type": "cidr", "list": ["a.example"]}', "not-an-address", "a name among networks"),
        ('{"type": "regex", "list": ["^a"]}', "regex", "a pattern covers more than a name"),
        ('{"type": "substring", "list": ["a.example"]}', "substring", "so does a substring"),
        (
            '{"type": "not-json", "list": ["a.example"]}',
            "unknown-type",
            "a type is no reason",
        ),
        ('{"type": {}, "list": ["a.example"]}', "unknown-type", "the type is no text"),
        ('{"list": [42]}', "single-label", "a number"),
        ('{"list": [{"a": []}]}', "not-an-address", "a table"),
        ('{"list": ["\\ud800.example"]}', "bad-character", "a lone surrogate"),
        ('{"list": ["a.example\\nb.example"]}', "bad-character", "a line end in a name"),
        ('{"list": [""]}', COMMENT, "nothing"),
        ('["a.example"]', "not-misp", "another document"),
        ('{"list": "a.example"}', "not-misp", "no list"),
        ("a.example", "not-json", "no document"),
        ("[" * 100_000, "not-json", "nested too deep"),
        (
            '{"list": [' + "[" * 500 + "]" * 500 + "]}",
            "bad-character",
            "deep, but readable",
        ),
        ('{"list": [1' + "0" * 5000 + "]}", "not-json", "a number that is too long"),
    ],
)
def test_a_warninglist(document: str, expected: Expected, why: str) -> None:
    assert_is(parse_snapshot(document.encode(), "misp"), expected, why)


@pytest.mark.parametrize(("name", "document", "expected", "why"), DOCUMENTS)
def test_a_document(name: str, document: str, expected: Expected, why: str) -> None:
    assert_is(parse_snapshot(document.encode(), name), expected, why)


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
        parsed = parse_snapshot(body, name)
        assert_counts(parsed)
        assert parsed.lines == lines, why
        assert parsed.indicators["value"].to_list() == values, why


@pytest.mark.parametrize(
    ("name", "kilobytes"),
    [
        *((name, 100) for name in load_formats()),
        *(pytest.param(name, 100_000, marks=pytest.mark.slow) for name in ("domains", "misp")),
    ],
)
def test_an_endless_line(name: str, kilobytes: int) -> None:
    parsed = parse_snapshot(b"a" * kilobytes * 1_000 + b"\n# b", name)
    assert_counts(parsed)
    assert parsed.accepted == 0
    assert parsed.refusals["text"].str.len_chars().max() == 200


@pytest.mark.parametrize(
    ("name", "line", "evidence", "why"),
    [
        ("domains", "evil[.]Example", "evil[.]Example", "defanged"),
        ("domains", "*.A.example # x", "A.example", "the scope shows the mark"),
        ("domains", "bücher.example", "bücher.example", "Unicode"),
        ("hosts", "192.0.2.66 A.example", "A.example", "not the address"),
        ("adblock", "||A.example^$all", "A.example", "the name"),
        ("urls", "hxxp://evil[.]example", "hxxp://evil[.]example", "defanged"),
        ("urls", "evil.example/x", "evil.example/x", "without a scheme"),
        ("ips", "192.0.2.1:443 x", "192.0.2.1:443", "the port is evidence"),
        ("ips", "192.0.2.0 - 192.0.2.255", "192.0.2.0 - 192.0.2.255", "the range"),
        ("ips", "192[.]0[.]2[.]1", "192[.]0[.]2[.]1", "defanged"),
    ],
)
def test_evidence_is_the_form_in_the_list(name: str, line: str, evidence: str, why: str) -> None:
    assert parse_snapshot(line.encode(), name).indicators["evidence"].to_list() == [evidence], why


def test_refusals_show_the_line() -> None:
    parsed = parse_snapshot(b"0.0.0.0 a.example\n0.0.0.0 b;c d!e # x\n\nf\n", "hosts")
    assert parsed.refusals.rows() == [
        (2, "bad-character", "0.0.0.0 b;c d!e # x"),
        (4, "no-address-and-name", "f"),
    ]


def test_dropped_parts_are_counted() -> None:
    body = b"192.0.2.9 a.example b.example\n0.0.0.0 a.example localhost x!y\n0.0.0.0 A.example\n"
    parsed = parse_snapshot(body, "hosts")
    assert parsed.accepted == 3
    assert parsed.dropped_counts == {
        "redirect-address": 2,
        "duplicate": 2,
        "beside-single-label": 1,
        "beside-bad-character": 1,
    }


def test_evidence_and_line_are_of_the_first_occurrence() -> None:
    indicators = parse_snapshot(b"\nA.example\na.example\n", "domains").indicators
    assert indicators.select("evidence", "line").rows() == [("A.example", 2)]


@pytest.mark.parametrize(
    ("options", "expected", "why"),
    [
        (
            ParseOptions(),
            [sub("a.example"), Is("b.example", "below"), ip("192.0.2.1")],
            "as written",
        ),
        (
            ParseOptions(scope=Scope.EXACT),
            [Is("a.example"), Is("b.example"), ip("192.0.2.1")],
            "the scope of the feed",
        ),
        (
            ParseOptions(scope=Scope.SUBTREE),
            [sub("a.example"), sub("b.example"), ip("192.0.2.1")],
            "addresses have no subtree",
        ),
        (ParseOptions(rank_limit=1), [sub("a.example")], "the rank limit"),
    ],
)
def test_options(options: ParseOptions, expected: list[Is], why: str) -> None:
    parsed = parse_snapshot(
        b"! x\n||a.example^\n||*.b.example^\n||192.0.2.1^\n", "adblock", options
    )
    assert_counts(parsed)
    assert list_indicators(parsed) == expected, why


def test_lines_beyond_the_rank_limit_do_not_count_against_a_feed() -> None:
    parsed = parse_snapshot(
        b"# head\na.example\nb!\nc.example\nd.example\n", "domains", ParseOptions(rank_limit=2)
    )
    assert parsed.refusal_counts == {"beyond-rank-limit": 2, "bad-character": 1}
    assert parsed.share_accepted == 0.5, "one of the two lines that were read"


@pytest.mark.parametrize("separator", [";", "\t", "|", "^", "]", "-", "\\", " "])
@pytest.mark.parametrize(
    ("first", "why"),
    [("x", "plain"), ('x"', "a stray quote"), ('"x', "an open quote"), ('"x{}y"', "in quotes")],
)
def test_separators(separator: str, first: str, why: str) -> None:
    row = f"{first.format(separator)}{separator}a.example{separator}y"
    parsed = parse_snapshot(row.encode(), "csv", ParseOptions(column=2, separator=separator))
    assert list_indicators(parsed) == [Is("a.example")], why


@pytest.mark.parametrize(
    ("text", "expected", "why"),
    [
        ("a.example\nb.example\nbücher.example\n", "domains", "names"),
        ("# x\na.example\n192.0.2.1\n", "domains", "names with an address among them"),
        ("*.a.example\n*.b.example\n", "wildcard", "every name is marked"),
        ("# Syntax: Wildcard Domains\na.example\n", "wildcard", "the header says so"),
        ("*.a.example\nb.example\n", "domains", "one mark does not widen other names"),
        ("0.0.0.0 a.example\n0.0.0.0 b.example\n", "hosts", "a hosts file"),
        (
            "127.0.0.1 localhost\n::1 ip6-localhost\n0.0.0.0 a.example\n0.0.0.0 b.example\n",
            "hosts",
            "a hosts file with the names of the system",
        ),
        ("192.0.2.9 a.example\n192.0.2.9 b.example\n", "hosts", "a hosts file with redirects"),
        ("||a.example^\n@@||b.example^\n||c.example^\n", "adblock", "rules"),
        ("[Adblock Plus]\n! x\n||a.example^$third-party\n||b.example^\n", "adblock", "a header"),
        ("http://a.example/x\nhxxps://b[.]example/\n", "urls", "URLs"),
        ("192.0.2.1\n192.0.2.2\n", "ips", "addresses"),
        ("192.0.2.1:80\n192.0.2.2:80\n", "ips", "addresses with ports"),
        ("192.0.2.0/24\n2001:db8::/32\n192.0.2.1-192.0.2.9\n", "ips", "networks"),
        ("192.0.2.1\t7\n192.0.2.2\t3\n", "ips", "addresses with counts"),
        ('{"type": "string", "list": ["a.example"]}', "misp", "a warninglist"),
        ('["a.example", "b.example"]', "json", "an array"),
        ('"a.example"\n"b.example"\n', None, "JSON lines are not detected"),
        ('{"a.example": 1}', None, "an object needs a path"),
        (event(("domain", "a.example")), "misp", "an event"),
        (bundle("[domain-name:value = 'a.example']"), "stix", "a bundle"),
        ("<!doctype html>\n<title>Log in</title>\n<p>Please log in.\n", None, "a web page"),
        ("server:\nlocal-zone: a.example always_nxdomain\n", "unbound", "local zones"),
        ("address=/a.example/\nserver=/b.example/\n", "dnsmasq", "settings"),
        ("$TTL 60\n@ SOA a. b. 1 2 3 4 5\n NS c.\na.example CNAME .\n", "rpz", "a zone"),
        ("# Reference: x\n\na.example\n192.0.2.1:80\nb.example/x\n/y\n", "maltrail", "trails"),
        ("a.example\nb.example\nc.example/x\n", "urls", "links without a scheme"),
        ("\0\1\2\n\xff\xfe\n", None, "bytes"),
        ("# nothing\n", None, "comments"),
        ("", None, "nothing"),
    ],
)
def test_detect(text: str, expected: str | None, why: str) -> None:
    assert detect_format(text.encode()) == expected, why
