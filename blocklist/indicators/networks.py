"""Canonicalize single IP networks: text -> network, canonical text or containing networks.

`blocklist.frames.networks` does the same for whole columns.

Canonical: a single host has no prefix, other networks are `address/prefix`; host bits are cleared;
IPv6 is written as in RFC 5952; IPv4-mapped IPv6 (RFC 4291, 2.5.5.2) becomes the IPv4 network.
"""

import re
from collections.abc import Iterator
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Network,
    ip_address,
    ip_network,
)

from blocklist.errors import InvalidIndicator
from blocklist.indicators.names import to_ascii

Network = IPv4Network | IPv6Network

_IPV4_MAPPED = IPv6Network("::ffff:0:0/96")
_NETWORK_TEXT = re.compile(r"[0-9a-fA-F:.]+(/[0-9]{1,3})?")
_LEADING_ZERO = re.compile(r"(^|:)0[0-9]+\.|\.0[0-9]")
_BROWSER_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
# Longer than any real spelling, and short enough that hostile input converts quickly.
_MAX_DIGITS = 64
_IPV4_PARTS = 4
_IPV4_COUNT = 1 << 32


def parse_network(text: str) -> Network:
    """Return the network of an address or CIDR text; host bits are cleared.

    Raise `InvalidIndicator`: `not-an-address`, or `leading-zero` for `010.0.0.1`, which some
    programs read as octal and some as decimal.
    """
    if not _NETWORK_TEXT.fullmatch(text):
        raise InvalidIndicator("not-an-address")
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        is_ambiguous = _LEADING_ZERO.search(text)
        raise InvalidIndicator("leading-zero" if is_ambiguous else "not-an-address") from None
    return _unmap_ipv4(network)


def _unmap_ipv4(network: Network) -> Network:
    if isinstance(network, IPv6Network) and network.subnet_of(_IPV4_MAPPED):
        address = IPv4Address(int(network.network_address) & (_IPV4_COUNT - 1))
        return IPv4Network((address, network.prefixlen - 96))
    return network


def format_network(network: Network) -> str:
    """Return the canonical text of a network; a single address has no prefix."""
    if network.prefixlen == network.max_prefixlen:
        return str(network.network_address)
    return str(network)


def network_and_supernets(network: Network) -> Iterator[str]:
    """Yield the canonical text of a network and of all that contain it, narrowest first."""
    yield format_network(network)
    for prefix in range(network.prefixlen - 1, -1, -1):
        yield format_network(network.supernet(new_prefix=prefix))


def parse_browser_ipv4(host: str) -> str:
    """Return the address that browsers read in a numeric host (WHATWG URL, IPv4 parser).

    Full-width and other digits are mapped first, as in every host. A host has one to four parts,
    decimal, octal with a leading `0` or hexadecimal with `0x`; the last part fills all remaining
    octets: `0000153.0000255.0000011.0000125` is 107.173.9.85. Raise `InvalidIndicator` for any
    other.
    """
    ascii_host = host if host.isascii() else to_ascii(host)
    parts = ascii_host.lower().removesuffix(".").split(".")
    if len(parts) > _IPV4_PARTS:
        raise InvalidIndicator("not-an-address")
    numbers = [_parse_browser_number(part) for part in parts]
    *leading, last = numbers
    if any(number > 255 for number in leading) or last >= 256 ** (5 - len(numbers)):
        raise InvalidIndicator("not-an-address")
    value = last + sum(number << 8 * (3 - index) for index, number in enumerate(leading))
    return str(ip_address(value))


def _parse_browser_number(part: str) -> int:
    if len(part) > _MAX_DIGITS or not _BROWSER_NUMBER.fullmatch(part):
        raise InvalidIndicator("not-an-address")
    try:
        if part.startswith("0x"):
            return int(part[2:] or "0", 16)
        return int(part, 8 if part.startswith("0") else 10)
    except ValueError:
        raise InvalidIndicator("not-an-address") from None


def parse_address(text: str) -> Network:
    """Return the network of a single address; raise `InvalidIndicator` for anything wider."""
    network = parse_network(text)
    if network.num_addresses > 1 or "/" in text:
        raise InvalidIndicator("not-an-address")
    return network
