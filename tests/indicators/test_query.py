"""Queries of a person or a script: names, addresses, networks and URLs."""

import pytest

from blocklist.errors import InvalidIndicator
from blocklist.indicators.query import EXPLANATIONS, parse_query, parse_typed
from blocklist.model import Indicator, Kind, Scope


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
        ("a.example:80", Kind.DOMAIN, "a.example", "a port"),
        ("a.example:8443/x?y", Kind.URL, "http://a.example:8443/x?y", "a port and a path"),
        ("a.example:443/x", Kind.URL, "https://a.example/x", "the port of https"),
        ("a.example:8443/", Kind.DOMAIN, "a.example", "a port without a page"),
        ("a.example:", Kind.DOMAIN, "a.example", "an empty port, as browsers allow"),
        ("192.0.2.1:8080", Kind.IP, "192.0.2.1", "an address with a port"),
        ("192.0.2.1/gate.php", Kind.URL, "http://192.0.2.1/gate.php", "a page on an address"),
        ("[2001:db8::1]:443", Kind.IP, "2001:db8::1", "IPv6 with a port"),
        ("user@evil.example", Kind.DOMAIN, "evil.example", "an e-mail address"),
        ("User.Name+x@Evil.example", Kind.DOMAIN, "evil.example", "a longer one"),
        ("mailto:user@evil.example?subject=hi", Kind.DOMAIN, "evil.example", "a link to it"),
        ("The Bank <bank@evil.example>", Kind.DOMAIN, "evil.example", "from a mail program"),
        ("user[@]evil[.]example", Kind.DOMAIN, "evil.example", "a defanged one"),
        ("user(at)evil(dot)example", Kind.DOMAIN, "evil.example", "in another way"),
        ("192[.]0[.]2[.]1[:]8080", Kind.IP, "192.0.2.1", "a defanged port"),
        ("evil[.example", Kind.DOMAIN, "evil.example", "half a bracket"),
        ("evil.]example", Kind.DOMAIN, "evil.example", "the other half"),
        (r"evil\.example", Kind.DOMAIN, "evil.example", "from a regular expression"),
        ("hxxps[:]//evil[.]example/x", Kind.URL, "https://evil.example/x", "a defanged colon"),
        ('"evil.example",', Kind.DOMAIN, "evil.example", "from a list of values"),
        ("<https://evil.example/x>", Kind.URL, "https://evil.example/x", "from a mail"),
        ("*.a.example", Kind.DOMAIN, "a.example", "a wildcard"),
        (".a.example", Kind.DOMAIN, "a.example", "as in a list for Squid"),
        ("*.a[.]example", Kind.DOMAIN, "a.example", "a defanged wildcard"),
        ("||a.example^", Kind.DOMAIN, "a.example", "a rule"),
        ("||a.example^$important,third-party", Kind.DOMAIN, "a.example", "a rule with options"),
        ("@@||a.example^", Kind.DOMAIN, "a.example", "an exception"),
        ("@@||a.example^|", Kind.DOMAIN, "a.example", "with an end anchor"),
        ("@@a.example", Kind.DOMAIN, "a.example", "without anchors"),
        ("|a.example^", Kind.DOMAIN, "a.example", "an exact rule"),
        ("||*.a.example^", Kind.DOMAIN, "a.example", "a rule with a wildcard"),
        ("||192.0.2.1^", Kind.IP, "192.0.2.1", "a rule for an address"),
        ("||a.example/x", Kind.URL, "http://a.example/x", "a rule for pages"),
        ("|https://a.example/x|", Kind.URL, "https://a.example/x", "a rule for a link"),
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
        ("a.example:99999", "not-an-address", "no such port"),
        ("a.example:http", "not-an-address", "a port in words"),
        ("AS1234", "as-number", "an autonomous system"),
        ("asn 64512", "as-number", "in other words"),
        ("D41D8CD98F00B204E9800998ECF8427E", "file-hash", "MD5"),
        (
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "file-hash",
            "SHA-256",
        ),
        ("CVE-2026-12345", "cve-number", "a vulnerability"),
        ("user@", "bad-character", "half an e-mail address"),
        ("user@a b", "bad-character", "a broken one"),
        ("||^", "empty", "an empty rule"),
        ("*", "bad-character", "everything"),
        ("*.", "bad-character", "nearly so"),
        ("a.*.example", "bad-character", "a wildcard in the middle"),
        ("/^ads[0-9]+/", "empty", "a regular expression"),
        ("a\0b.example", "bad-character", "NUL"),
        ("[.]", "empty", "the root"),
    ],
)
def test_what_means_nothing(text: str, reason: str, why: str) -> None:
    with pytest.raises(InvalidIndicator) as raised:
        parse_query(text)
    assert raised.value.reason == reason, why


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("a.example", None),
        ("a.example:80", None),
        ("*.a.example", Scope.SUBTREE),
        (".a.example", Scope.SUBTREE),
        ("||a.example^", Scope.SUBTREE),
        ("@@||a.example^$important", Scope.SUBTREE),
        ("|a.example^", Scope.EXACT),
        ("@@|a.example^|", Scope.EXACT),
    ],
)
def test_the_scope_that_a_spelling_means(text: str, scope: Scope | None) -> None:
    assert parse_typed(text).scope == scope


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        ("a.example", ""),
        ("user@a.example", "the domain of an e-mail address"),
        ("a.example:80", "without its port"),
        ("||a.example^", ""),
    ],
)
def test_the_remark_on_a_spelling(text: str, remark: str) -> None:
    assert parse_typed(text).remark == remark


@pytest.mark.parametrize("text", ["AS1234", "d" * 64, "cve-2026-1234"])
def test_indicators_of_other_kinds_are_explained(text: str) -> None:
    with pytest.raises(InvalidIndicator) as raised:
        parse_query(text)
    assert raised.value.reason in EXPLANATIONS
