"""MaxMind DB files for tests, as small as may be (https://maxmind.github.io/MaxMind-DB/)."""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network
from pathlib import Path

_MARKER = b"\xab\xcd\xefMaxMind.com"
_BETWEEN = b"\0" * 16
_STRING, _UINT16, _UINT32, _MAP = 2, 5, 6, 7
#: A kind beyond the seventh stands in an octet of its own.
_UINT64, _NO_ITEMS = b"\x08\x02", b"\x00\x04"


def _packed(value: object) -> bytes:
    if isinstance(value, str):
        text = value.encode()
        if len(text) < 29:
            return bytes((_STRING << 5 | len(text),)) + text
        return bytes((_STRING << 5 | 29, len(text) - 29)) + text
    if isinstance(value, int):
        return bytes((_UINT32 << 5 | 4,)) + value.to_bytes(4, "big")
    if isinstance(value, bytes):  # a number, packed already
        return value
    assert isinstance(value, dict)
    items = b"".join(_packed(key) + _packed(inner) for key, inner in value.items())
    return bytes((_MAP << 5 | len(value),)) + items


def _short(number: int) -> bytes:
    return bytes((_UINT16 << 5 | 2,)) + number.to_bytes(2, "big")


def _bits(network: IPv4Network | IPv6Network) -> str:
    if isinstance(network, IPv4Network):  # stands at ::/96, as the format has it
        network = IPv6Network((IPv6Address(int(network.network_address)), network.prefixlen + 96))
    return f"{int(network.network_address):0128b}"[: network.prefixlen]


def write(path: Path, records: Mapping[str, object]) -> Path:
    """Write a file that has a record for each network; none may lie in another."""
    nodes: list[list[int | None]] = [[None, None]]
    data, places = b"", {}
    for text, record in records.items():
        *way, last = map(int, _bits(ip_network(text)))
        node = 0
        for bit in way:
            following = nodes[node][bit]
            if following is None:
                nodes.append([None, None])
                following = nodes[node][bit] = len(nodes) - 1
            node = following
        places[node, last] = len(data)
        data += _packed(record)
    count = len(nodes)
    tree = b"".join(
        (
            count + len(_BETWEEN) + places[number, bit]
            if (number, bit) in places
            else count
            if following is None
            else following
        ).to_bytes(4, "big")
        for number, pair in enumerate(nodes)
        for bit, following in enumerate(pair)
    )
    about = {
        "node_count": count,
        "record_size": _short(32),
        "ip_version": _short(6),
        "binary_format_major_version": _short(2),
        "binary_format_minor_version": _short(0),
        "build_epoch": _UINT64 + (1_777_777_777).to_bytes(8, "big"),
        "database_type": "test",
        "description": {},
        "languages": _NO_ITEMS,
    }
    path.write_bytes(tree + _BETWEEN + data + _MARKER + _packed(about))
    return path
