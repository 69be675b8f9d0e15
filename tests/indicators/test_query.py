"""Queries of a person or a script: names, addresses, networks and URLs."""

import pytest

from blocklist.errors import InvalidIndicator
from blocklist.indicators.query import parse_query
from blocklist.model import Indicator, Kind


@pytest.mark.parametrize(
    ("text", "kind", "value", "why"),
    [
        ("a.example", Kind.DOMAIN, "a.example", "a name"),
        (" A.Example.\n", Kind.DOMAIN, "a.example", "as a person writes it"),
        ("bücher.example", Kind.DOMAIN, "xn--bcher-kva.example", "Unicode"),
        ("com", Kind.DOMAIN, "com", "a top-level domain can be asked about"),
        ("evil[.]example", Kind.DOMAIN, "evil.example", "defanged"),
        ("evil(dot)example", Kind.DOMAIN, "evil.example", "in another way"),
        ("192.0.2.1", Kind.IP, "192.0.2.1", "an address"),
        ("192[.]0[.]2[.]1", Kind.IP, "192.0.2.1", "a defanged one"),
        ("192.0.2.1/24", Kind.IP, "192.0.2.0/24", "a network"),
        ("2001:DB8::1", Kind.IP, "2001:db8::1", "IPv6"),
        ("[2001:db8::1]", Kind.IP, "2001:db8::1", "in brackets"),
        ("::ffff:192.0.2.1", Kind.IP, "192.0.2.1", "IPv4 in IPv6"),
        ("0000153.0000255.0000011.0000125", Kind.IP, "107.173.9.85", "octal, as browsers read it"),
        ("010.0.0.1", Kind.IP, "8.0.0.1", "the same, for there is no network of that spelling"),
        ("HTTP://A.example", Kind.URL, "http://a.example/", "a URL"),
        ("hxxps[://]a[.]example/x", Kind.URL, "https://a.example/x", "a defanged one"),
        ("a.example/x", Kind.URL, "http://a.example/x", "a path without a scheme"),
        ("http://[2001:db8::1]/", Kind.URL, "http://[2001:db8::1]/", "with an IPv6 host"),
    ],
)
def test_what_is_meant(text: str, kind: Kind, value: str, why: str) -> None:
    assert parse_query(text) == Indicator(kind, value), why


@pytest.mark.parametrize(
    ("text", "reason", "why"),
    [
        ("", "empty", "nothing"),
        (" ", "empty", "white space"),
        ("a b", "bad-character", "two words"),
        ("192.0.2.0/33", "not-an-address", "no such prefix"),
        ("ftp://a.example/", "scheme", "another scheme"),
        ("http://", "not-a-url", "no host"),
        ("999.0.0.1", "not-an-address", "no such address"),
        ("a.example:80", "not-an-address", "a port"),
        ("a\0b.example", "bad-character", "NUL"),
        ("[.]", "empty", "the root"),
    ],
)
def test_what_means_nothing(text: str, reason: str, why: str) -> None:
    with pytest.raises(InvalidIndicator) as raised:
        parse_query(text)
    assert raised.value.reason == reason, why
