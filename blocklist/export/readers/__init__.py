"""Readers of finished files, each with its consumer's own matching rules.

They prove what the dialects rendered, so they share no code with them, and take nothing on trust: a
line that they do not know is an error, as it would be to a server.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from blocklist.config import Export
from blocklist.export.readers import lines, nftables, rpz, rpz_ip
from blocklist.model import Kind


class Reader(Protocol):
    """What a consumer would hold after it loaded the file."""

    @property
    def count(self) -> int:
        """How many names or networks it lists."""

    def blocked(self, kind: Kind, queries: list[str]) -> set[str]:
        """Return those of the names, or addresses, that the consumer would block."""


REGISTRY: dict[str, Callable[[Path, Export], Reader]] = {
    "lines": lines.Listed,
    "nftables": nftables.Sets,
    "rpz": rpz.Zone,
    "rpz-ip": rpz_ip.Addresses,
}
