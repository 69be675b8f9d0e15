"""Parse what a person types or pastes: text -> indicator, the scope that it means, and a remark.

Besides names, addresses, networks and URLs, it reads filter rules (`||x^`, `*.x`), e-mail
addresses, hosts with a port, and defanged spellings.
"""

import re
from dataclasses import dataclass

from blocklist.errors import InvalidIndicator
from blocklist.indicators.names import WHITESPACE
from blocklist.indicators.networks import format_network, parse_network
from blocklist.indicators.urls import canonicalize_host, parse_url, refang
from blocklist.model import Indicator, Kind, Scope

#: What a person may have meant by a text that is no indicator: reason -> explanation.
EXPLANATIONS = {
    "bad-character": "a name has letters, digits, hyphens and dots only",
    "empty": "the text is empty",
    "empty-label": "there is nothing between two of its dots",
    "idna": "its Unicode letters make no valid name",
    "label-too-long": "a part between dots has more than 63 characters",
    "last-label-without-letter": "it ends with digits, as no name does",
    "leading-zero": "a number of an address has a leading zero",
    "not-a-url": "a URL needs a host, as in https://example.net/page",
    "not-an-address": "an address is four numbers up to 255, or IPv6",
    "numeric": "it has digits only",
    "scheme": "lists have http and https URLs only",
    "single-label": "a name needs a dot, as in example.net",
    "too-long": "it is longer than any name or URL",
    "as-number": "this is an autonomous system; lists have no such entries, so ask for its "
    "addresses or networks, such as 192.0.2.0/24",
    "file-hash": "this is the hash of a file; lists have names, addresses and URLs only",
    "cve-number": "this is the number of a vulnerability; lists have names, addresses and URLs "
    "only",
}
_FOREIGN_KINDS = {
    "as-number": re.compile(r"asn? ?[0-9]{1,10}", re.IGNORECASE),
    "file-hash": re.compile(r"[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{128}", re.IGNORECASE),
    "cve-number": re.compile(r"cve-[0-9]{4}-[0-9]{4,}", re.IGNORECASE),
}
# `[:]` in place of `:`, and so on; `refang` undoes the usual spellings of dots and schemes.
_DEFANGED = (
    (re.compile(r"\[:\]"), ":"),
    (re.compile(r"\[@\]|[\[(]at[\])]", re.IGNORECASE), "@"),
    (re.compile(r"\[/\]"), "/"),
    (re.compile(r"\\\.|\[\.(?!\])|(?<!\[)\.\]"), "."),
)
_WRAPPERS = {'"': '"', "'": "'", "`": "`", "<": ">", "“": "”", "‘": "’", "«": "»"}  # noqa: RUF001
_LABELLED = re.compile(r".*<([^<>]+)>")
_RULE = re.compile(r"(?P<mark>@@)?(?P<anchor>\|\|?)?(?P<body>.*?)(?P<end>\^?\|?)(?:\$[^/]*)?")
_WILDCARD = re.compile(r"\*?\.")
_MAIL = re.compile(r"(?:mailto:)?[^@/\s|]+@(?P<host>[^@/\s?]+)(?:\?.*)?", re.IGNORECASE)
_PORT = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]/]+):(?P<port>[0-9]{1,5})?(?P<path>/.*)?")
_MAX_PORT = 65_535
_HTTPS_PORT = 443
_PREFIX_LENGTH = re.compile(r"[0-9]*")


@dataclass(frozen=True, slots=True)
class TypedQuery:
    """What a person typed, as an indicator."""

    indicator: Indicator
    #: The scope that the spelling means; None if it leaves that open.
    scope: Scope | None = None
    #: What was left out of the text, for a person; empty for a plain spelling.
    remark: str = ""


def parse_query(text: str) -> Indicator:
    """Return the indicator of a text; raise `InvalidIndicator` with the reason if it is none.

    A path without a scheme is read as http, as in a browser's address bar.
    """
    return parse_typed(text).indicator


def parse_typed(text: str) -> TypedQuery:
    """Return the indicator of a text, with the scope and a remark about its spelling.

    Raise `InvalidIndicator` with the reason if it is none; `EXPLANATIONS` explains some of them.
    """
    text = _unwrap(text.strip(WHITESPACE))
    for reason, pattern in _FOREIGN_KINDS.items():
        if pattern.fullmatch(text):
            raise InvalidIndicator(reason)
    text = _undo_defanging(text)
    text, scope = _strip_rule(text)
    if "://" in text:
        return TypedQuery(Indicator(Kind.URL, parse_url(text).value), scope)
    mail = _MAIL.fullmatch(text)
    if mail:
        indicator = _parse_host(mail["host"])
        return TypedQuery(indicator, scope, "the domain of an e-mail address")
    host = _PORT.fullmatch(text)
    if host and int(host["port"] or 0) <= _MAX_PORT:
        return _parse_host_with_port(host["host"], host["port"], host["path"] or "", scope)
    return TypedQuery(_parse_plain(text), scope)


def _unwrap(text: str) -> str:
    """Return a text without quotation marks, angle brackets and a final comma around it."""
    text = text.rstrip(",;").strip(WHITESPACE)
    labelled = _LABELLED.fullmatch(text)
    if labelled:
        return labelled[1].strip(WHITESPACE)
    if len(text) > 1 and _WRAPPERS.get(text[0]) == text[-1]:
        return text[1:-1].strip(WHITESPACE)
    return text


def _undo_defanging(text: str) -> str:
    for pattern, plain in _DEFANGED:
        text = pattern.sub(plain, text)
    return refang(text)


def _strip_rule(text: str) -> tuple[str, Scope | None]:
    """Return a filter rule or wildcard without its marks, and the scope that they mean."""
    if text.startswith(("|", "@@")) or text.endswith("^"):
        rule = _RULE.fullmatch(text)
        assert rule
        is_exact = rule["anchor"] == "|"
        body, _ = _strip_rule(rule["body"])
        return body, Scope.EXACT if is_exact else Scope.SUBTREE
    wildcard = _WILDCARD.match(text)
    if wildcard and len(text) > wildcard.end():
        return text[wildcard.end() :], Scope.SUBTREE
    return text, None


def _parse_host_with_port(
    host: str, port: str | None, path: str, scope: Scope | None
) -> TypedQuery:
    """Return the host, because lists of names and addresses have no ports; a path makes a URL."""
    if not path.strip("/"):
        return TypedQuery(_parse_host(host), scope, "without its port")
    scheme = "https" if port == str(_HTTPS_PORT) else "http"
    return TypedQuery(Indicator(Kind.URL, parse_url(f"{scheme}://{host}:{port or ''}{path}").value))


def _parse_host(text: str) -> Indicator:
    return Indicator(*canonicalize_host(text))


def _parse_plain(text: str) -> Indicator:
    try:
        return Indicator(Kind.IP, format_network(parse_network(text)))
    except InvalidIndicator:
        host, slash, path = text.partition("/")
        kind, value = canonicalize_host(host)
        if not slash:
            return Indicator(kind, value)
        # 192.0.2.0/33 is an invalid network, not a page
        if kind is Kind.IP and _PREFIX_LENGTH.fullmatch(path):
            raise
        return Indicator(Kind.URL, parse_url(f"http://{text}").value)
