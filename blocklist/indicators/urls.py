"""Canonicalize single URLs and hosts as browsers do: text -> URL, or kind and value of a host.

`blocklist.frames.urls` does the same for whole columns. The WHATWG URL parser (ada) does the work.
Credentials and fragment are dropped, because a browser does not use them to find the host. The host
gets the same canonical form as every other name or address.
"""

import re
from typing import NamedTuple

from blocklist.errors import InvalidIndicator
from blocklist.indicators.names import WHITESPACE, canonicalize_name
from blocklist.indicators.networks import format_network, parse_address, parse_browser_ipv4
from blocklist.model import Kind

MAX_URL_LENGTH = 4096
_DEFANGED_DOT = re.compile(r"\[\.\]|\(\.\)|\{\.\}|\[dot\]|\(dot\)", re.IGNORECASE)
_DEFANGED_SCHEME = re.compile(
    r"^(?:h(?:tt|xx|\*\*)p|meow)(s?)(?:\[://\]|(?:\[:\]|:)?(?:\[//\]|//))", re.IGNORECASE
)
_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_HTTP = re.compile(r"^https?://", re.IGNORECASE)


class Url(NamedTuple):
    """A canonical URL with the kind and the canonical form of its host."""

    value: str
    host_kind: Kind
    host: str


def refang(text: str) -> str:
    """Undo the spellings that keep a URL from being clicked, such as `hxxps[://]a[.]example`."""
    return _DEFANGED_SCHEME.sub(r"http\1://", _DEFANGED_DOT.sub(".", text))


def parse_url(text: str) -> Url:
    """Return the canonical URL.

    It has a lower-case scheme (http or https), a canonical host, no default port, no credentials,
    no fragment and at least `/` as its path. Raise `InvalidIndicator` with `too-long`, `scheme`,
    `not-a-url` or the reason of the host.
    """
    import ada_url

    text = text.strip(WHITESPACE)
    if len(text) > MAX_URL_LENGTH:
        raise InvalidIndicator("too-long")
    text = refang(text)
    if not _HTTP.match(text):
        raise InvalidIndicator("scheme" if _SCHEME.match(text) else "not-a-url")
    try:
        url = ada_url.URL(text)
    except ValueError:
        raise InvalidIndicator("not-a-url") from None
    kind, host = canonicalize_host(url.hostname)
    url_host = f"[{host}]" if kind is Kind.IP and ":" in host else host
    port = f":{url.port}" if url.port else ""
    value = f"{url.protocol}//{url_host}{port}{url.pathname}{url.search}"
    if len(value) > MAX_URL_LENGTH:  # escapes may lengthen it
        raise InvalidIndicator("too-long")
    return Url(value, kind, host)


def canonicalize_host(text: str) -> tuple[Kind, str]:
    """Return kind and canonical form of a host: a name, or an address as browsers read it.

    Raise `InvalidIndicator` with the reason if it is neither.
    """
    text = text.strip(WHITESPACE)
    if ":" in text:
        bare = text.removeprefix("[").removesuffix("]")
        return Kind.IP, format_network(parse_address(bare))
    try:
        return Kind.DOMAIN, canonicalize_name(text)
    except InvalidIndicator as refusal:
        if refusal.reason != "numeric":
            raise
    return Kind.IP, parse_browser_ipv4(text)
