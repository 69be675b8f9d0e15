"""URLs and hosts: canonical form, defanged spellings, refusals."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocklist.errors import InvalidIndicator
from blocklist.frames.urls import canonicalize_hosts, canonicalize_urls, is_host_only, url_host
from blocklist.indicators.names import canonicalize_name
from blocklist.indicators.urls import canonicalize_host, parse_url, refang
from blocklist.model import Kind


@pytest.mark.parametrize(
    ("text", "expected", "why"),
    [
        ("http://example.com/a?b=c", "http://example.com/a?b=c", "already canonical"),
        (
            "HTTPS://EXAMPLE.com/A",
            "https://example.com/A",
            "scheme and host ignore case, the path does not",
        ),
        ("http://example.com", "http://example.com/", "a path is at least a slash"),
        ("http://example.com?a", "http://example.com/?a", "also before a query"),
        ("http://example.com/?", "http://example.com/", "an empty query is none"),
        ("http://example.com/a?b?c", "http://example.com/a?b?c", "a query may have question marks"),
        ("http://example.com/#top", "http://example.com/", "a fragment never leaves the browser"),
        ("http://user:secret@example.com/", "http://example.com/", "credentials are dropped"),
        (
            "http://bank.example@evil.example/",
            "http://evil.example/",
            "the host is behind the last @",
        ),
        ("http://example.com/@me", "http://example.com/@me", "an @ in the path is no host"),
        (
            "http://example.com/?u=http://a@b",
            "http://example.com/?u=http://a@b",
            "nor in the query",
        ),
        ("http://example.com:80/", "http://example.com/", "the default port"),
        ("https://example.com:443/", "https://example.com/", "the default port"),
        ("https://example.com:80/", "https://example.com:80/", "another port"),
        ("http://example.com:/", "http://example.com/", "an empty port"),
        ("http://example.com./", "http://example.com/", "a dot at the end of the host"),
        ("http://localhost/", "http://localhost/", "a host of one label"),
        ("http://a_b.example/", "http://a_b.example/", "an underscore in the host"),
        ("http://example.com/a/../b/./c", "http://example.com/b/c", "dot segments"),
        ("http://example.com/a/%2e%2E/b", "http://example.com/b", "escaped dot segments"),
        ("http://example.com/..", "http://example.com/", "not above the root"),
        ("http://example.com/a..b/.c", "http://example.com/a..b/.c", "dots that are no segments"),
        ("http://example.com\\a\\b", "http://example.com/a/b", "backslashes are slashes"),
        ("http://example.com/a//b", "http://example.com/a//b", "an empty segment counts"),
        ("http://example.com/%7e%zz", "http://example.com/%7e%zz", "escapes stay as they are"),
        ("http://example.com/a b", "http://example.com/a%20b", "a space in the path"),
        ("http://example.com/é?é", "http://example.com/%C3%A9?%C3%A9", "UTF-8"),
        (
            "http://example.com/'^|`<>\"",
            "http://example.com/'%5E|%60%3C%3E%22",
            "the path's own escapes",
        ),
        (
            "http://example.com/?'^|`<>\"",
            "http://example.com/?%27^|`%3C%3E%22",
            "the query's own escapes",
        ),
        ("http://exa\tmple.com/a\nb", "http://example.com/ab", "tabs and line ends are nothing"),
        ("http://bücher.example/", "http://xn--bcher-kva.example/", "A-labels"),
        ("http://example。com/", "http://example.com/", "an ideographic dot"),
        ("http://ex%61mple.com/", "http://example.com/", "an escape in the host"),
        ("http://3221225985/", "http://192.0.2.1/", "a numeric host"),
        ("http://0xC0.0.2.1:8080/a", "http://192.0.2.1:8080/a", "hexadecimal, with a port"),
        ("http://0300.0.2.1", "http://192.0.2.1/", "octal"),
        ("http://[2001:DB8::0:1]/", "http://[2001:db8::1]/", "IPv6"),
        ("http://[::1]:8080/", "http://[::1]:8080/", "IPv6 with a port"),
        ("http://[::ffff:192.0.2.1]/", "http://192.0.2.1/", "IPv4-mapped"),
        (" http://example.com/ ", "http://example.com/", "white space around it"),
        ("http:///example.com", "http://example.com/", "browsers forgive slashes"),
    ],
)
def test_canonical(text: str, expected: str, why: str) -> None:
    assert parse_url(text).value == expected, why
    assert canonicalize_urls(pl.Series([text]))["value"].to_list() == [expected], why


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("hxxps://a.example/b", "the usual spelling"),
        ("hXXps://a.example/b", "in capitals"),
        ("h**ps://a.example/b", "stars"),
        ("meows://a.example/b", "some analysts' cat"),
        ("https[:]//a.example/b", "the colon"),
        ("https[://]a.example/b", "the separator"),
        ("https:[//]a.example/b", "the slashes"),
        ("https[:][//]a.example/b", "both"),
        ("hxxps[:]//a.example/b", "scheme and colon"),
        ("hxxps[://]a[.]example/b", "scheme, separator and dot"),
        ("hxxps//a.example/b", "a colon lost"),
        ("https://a[.]example/b", "a dot"),
        ("https://a(.)example/b", "a dot"),
        ("https://a{.}example/b", "a dot"),
        ("https://a[dot]example/b", "a word"),
        ("https://a(DOT)example/b", "a word"),
    ],
)
def test_defanged(text: str, why: str) -> None:
    assert refang(text).lower().startswith("https://a.example/b"), why
    assert parse_url(text).value == "https://a.example/b", why
    assert canonicalize_urls(pl.Series([text]))["value"].to_list() == ["https://a.example/b"], why


@pytest.mark.parametrize(
    ("text", "reason", "why"),
    [
        ("", "not-a-url", "nothing"),
        ("example.com/a", "not-a-url", "no scheme"),
        ("//example.com/a", "not-a-url", "no scheme"),
        ("ftp://example.com/", "scheme", "not for browsers any more"),
        ("javascript://example.com/%0aalert(1)", "scheme", "no place on the net"),
        ("http:example.com", "scheme", "one of the rarer spellings: no host can be told apart"),
        ("http://", "not-a-url", "no host"),
        ("http://exa mple.com/", "not-a-url", "a space in the host"),
        ("http://exa%00mple.com/", "not-a-url", "a NUL in the host"),
        ("http://example.com:99999/", "not-a-url", "no such port"),
        ("http://אa.com/", "not-a-url", "nor what breaks the bidi rule"),
        ("http://1.2.3.256/", "not-a-url", "no such address"),
        ("http://a.09/", "not-a-url", "a number at the end, but no address"),
        ("http://[::1/", "not-a-url", "a bracket is missing"),
        ("http\u017f://example.com/", "not-a-url", "a long s is no s here"),
        ("http://a..b/", "empty-label", "an empty label"),
        (f"http://{'a' * 64}.example/", "label-too-long", "no DNS server can answer for it"),
        ("http://a!b.example/", "bad-character", "browsers would ask, no name server answers"),
        ("http://example.com/" + "a" * 4096, "too-long", "longer than a browser shows"),
        ("http://example.com/" + "é" * 700, "too-long", "longer when it is escaped"),
        ("http://example.com?" + "a" * 4077, "too-long", "longer by the slash"),
    ],
)
def test_refused(text: str, reason: str, why: str) -> None:
    with pytest.raises(InvalidIndicator) as refused:
        parse_url(text)
    assert refused.value.reason == reason, why
    assert canonicalize_urls(pl.Series([text])).rows() == [(None, reason)], why


def test_surrogates_are_refused() -> None:
    with pytest.raises(InvalidIndicator, match="not-a-url"):
        parse_url("http://\udcff.example/")


HOSTS = [
    ("Example.com.", Kind.DOMAIN, "example.com", "a name"),
    (" bücher.example ", Kind.DOMAIN, "xn--bcher-kva.example", "a Unicode name"),
    ("192.0.2.1", Kind.IP, "192.0.2.1", "an address"),
    ("192.0.2.1.", Kind.IP, "192.0.2.1", "an address with a dot at the end"),
    ("0xC0.513", Kind.IP, "192.0.2.1", "a number"),
    ("１９２.０.２.１", Kind.IP, "192.0.2.1", "full-width digits"),
    ("[2001:DB8::1]", Kind.IP, "2001:db8::1", "IPv6 in brackets"),
    ("2001:DB8::1", Kind.IP, "2001:db8::1", "IPv6 without"),
    ("::ffff:192.0.2.1", Kind.IP, "192.0.2.1", "IPv4-mapped"),
    ("192.0.2.1/32", None, "bad-character", "a network is no host"),
    ("2001:db8::/128", None, "not-an-address", "a network is no host"),
    ("example.com:80", None, "not-an-address", "a port is no part of it"),
    ("1.2.3.256", None, "not-an-address", "no such address"),
    ("a..b", None, "empty-label", "no name"),
    ("", None, "empty", "nothing"),
]


@pytest.mark.parametrize(("text", "kind", "expected", "why"), HOSTS)
def test_host_of(text: str, kind: Kind | None, expected: str, why: str) -> None:
    try:
        found: tuple[Kind | None, str] = canonicalize_host(text)
    except InvalidIndicator as refused:
        found = None, refused.reason
    assert found == (kind, expected), why


def test_hosts_keep_their_rows() -> None:
    texts = [text for text, *_ in HOSTS] * 2
    found = canonicalize_hosts(pl.Series(texts))
    for (text, kind, expected, why), row in zip(HOSTS * 2, found.rows(named=True), strict=True):
        assert (row["value"] or row["reason"]) == expected, (text, why)
        assert (row["reason"] is None) is (kind is not None), (text, why)
        assert kind is None or row["kind"] == kind.value, (text, why)


@pytest.mark.parametrize(
    ("url", "host", "whole", "why"),
    [
        ("http://example.com/", "example.com", True, "no path"),
        ("http://example.com:8080/", "example.com", True, "a port is not a path"),
        ("http://example.com/a", "example.com", False, "a path"),
        ("http://example.com/?a", "example.com", False, "a query"),
        ("https://192.0.2.1/a", "192.0.2.1", False, "an address"),
        ("https://[2001:db8::1]/", "2001:db8::1", True, "IPv6"),
        ("https://[2001:db8::1]:8080/a/", "2001:db8::1", False, "IPv6 with a port and a path"),
    ],
)
def test_parts_of_a_canonical_url(url: str, host: str, whole: bool, why: str) -> None:
    found = pl.select(host=url_host(pl.lit(url)), whole=is_host_only(pl.lit(url)))
    assert found.rows() == [(host, whole)], why
    assert parse_url(url).host == host, why


@given(
    st.text(
        st.characters(exclude_characters="%#/?@\\:[]\t\n\r", exclude_categories=["Cs"]), min_size=1
    )
)
def test_a_host_reads_the_same_alone_and_in_a_url(text: str) -> None:
    try:
        inside = parse_url(f"http://{text}.example/").host
    except InvalidIndicator:
        return
    assert canonicalize_name(f"{text}.example") == inside
