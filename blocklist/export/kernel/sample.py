"""Sample networks of an export file: path -> a few networks from all its parts.

Reads only pieces of the file, and other ones in each call.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

from blocklist.export.render.mark_address import MARK_START

_SAMPLES = 12
_PIECE_BYTES = 4096
_NETWORK = re.compile(
    rb"(?<![\w.:/-])([0-9]+(?:\.[0-9]+){3}(?:/[0-9]+)?|[0-9a-f]*:[0-9a-f:]+(?:/[0-9]+)?)(?![\w.:/-])"
)


@dataclass(frozen=True, slots=True)
class NetworkSample:
    """Networks of a file, as it writes them."""

    ipv4: tuple[str, ...]
    ipv6: tuple[str, ...]


def sample_networks(path: Path, comment: str) -> NetworkSample:
    """Return up to a dozen networks of a file, always one near its end; none without a file."""
    try:
        texts = dict.fromkeys(_iterate_networks(path, comment.encode()))
    except OSError:
        return NetworkSample((), ())
    ipv4, ipv6 = ([text for text in texts if (":" in text) is is_ipv6] for is_ipv6 in (False, True))
    return NetworkSample(tuple(ipv4), tuple(ipv6))


def first_address(text: str) -> str:
    """Return the first address of a network."""
    return text.partition("/")[0]


def _iterate_networks(path: Path, comment: bytes) -> Iterator[str]:
    """Yield one network from each stretch of the file, and the last one."""
    size = path.stat().st_size
    step = max(size // _SAMPLES, 1)
    with path.open("rb") as file:
        for start in range(0, size, step):
            offset = start + random.randrange(step)  # noqa: S311
            file.seek(offset)
            yield from _networks_at(file.read(_PIECE_BYTES), comment)[:1]
        file.seek(max(size - _PIECE_BYTES, 0))
        yield from _networks_at(file.read(), comment)[-1:]


def _networks_at(piece: bytes, comment: bytes) -> list[str]:
    """Return the networks of the whole lines of a piece, without marks."""
    lines = piece.partition(b"\n")[2].rpartition(b"\n")[0].split(b"\n")
    found = (_NETWORK.findall(line) for line in lines if not (comment and line.startswith(comment)))
    return [text for texts in found for text in map(bytes.decode, texts[:1]) if _is_listed(text)]


def _is_listed(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return not text.startswith(MARK_START)
