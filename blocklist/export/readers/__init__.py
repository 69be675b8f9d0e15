"""Readers of finished files, each with its consumer's own matching rules.

They prove what the dialects rendered, so they share no code with them, and take nothing on trust: a
line that they do not know is an error, as it would be to a server.
"""

from collections.abc import Callable
from pathlib import Path

from blocklist.config import Export
from blocklist.export.readers import lines, nftables, rpz, rpz_ip
from blocklist.export.readers.reading import Queries, Reading

__all__ = ["REGISTRY", "Queries", "Reading"]

#: A reader of each dialect reads a file once, and says what of the queries it blocks.
REGISTRY: dict[str, Callable[[Path, Export, Queries], Reading]] = {
    "lines": lines.read,
    "nftables": nftables.read,
    "rpz": rpz.read,
    "rpz-ip": rpz_ip.read,
}
