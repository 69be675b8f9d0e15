"""Readers of finished files, each with its consumer's own matching rules.

They prove what the dialects rendered, so they share no code with them, and take nothing on trust: a
line that they do not know is an error, as it would be to a server.
"""

from collections.abc import Callable
from pathlib import Path

from blocklist.config.exports import Export
from blocklist.export.readers.lines import read_list_file
from blocklist.export.readers.nftables import read_nftables_file
from blocklist.export.readers.reading import Queries, ReadResult
from blocklist.export.readers.rpz import read_rpz_file
from blocklist.export.readers.rpz_ip import read_rpz_ip_file

__all__ = ["READERS", "Queries", "ReadResult"]

#: A reader of each dialect reads a file once, and says what of the queries it blocks.
READERS: dict[str, Callable[[Path, Export, Queries], ReadResult]] = {
    "lines": read_list_file,
    "nftables": read_nftables_file,
    "rpz": read_rpz_file,
    "rpz-ip": read_rpz_ip_file,
}
