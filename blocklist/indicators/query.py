"""Parse a user's query: text -> indicator (a name, an address, a network or a URL)."""

from blocklist.errors import InvalidIndicator
from blocklist.indicators.names import WHITESPACE
from blocklist.indicators.networks import format_network, parse_network
from blocklist.indicators.urls import canonicalize_host, parse_url, refang
from blocklist.model import Indicator, Kind


def parse_query(text: str) -> Indicator:
    """Return the indicator of a text; raise `InvalidIndicator` with the reason if it is none.

    A path without a scheme is read as http, as in a browser's address bar.
    """
    text = refang(text.strip(WHITESPACE))
    if "://" in text:
        return Indicator(Kind.URL, parse_url(text).value)
    try:
        return Indicator(Kind.IP, format_network(parse_network(text)))
    except InvalidIndicator:
        host, slash, _ = text.partition("/")
        kind, value = canonicalize_host(host)
        if not slash:
            return Indicator(kind, value)
        if kind is Kind.IP:  # 192.0.2.0/33 is an invalid network, not a page
            raise
        return Indicator(Kind.URL, parse_url(f"http://{text}").value)
