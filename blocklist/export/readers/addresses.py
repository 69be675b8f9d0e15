"""Address ranges of a file that was read back: networks -> whether an address is in one of them."""

from bisect import bisect_right
from ipaddress import ip_address

import polars as pl

from blocklist.errors import ExportFailed, InvalidIndicator
from blocklist.export.readers.reading import Queries
from blocklist.frames.networks import networks_to_spans
from blocklist.model import Kind


class NetworkRanges:
    """Networks as a set with intervals holds them: none may touch another twice."""

    def __init__(self, values: pl.Series) -> None:
        try:
            found = networks_to_spans(values)
        except InvalidIndicator:
            raise ExportFailed("the file has a line that is no network") from None
        self._starts: dict[int, list[int]] = {}
        self._ends: dict[int, list[int]] = {}
        for family in (4, 6):
            part = found.filter(family=family).sort("first")
            self._starts[family] = part["first"].to_list()
            self._ends[family] = part["last"].to_list()
            if (part["first"] <= part["last"].shift(1)).any():
                raise ExportFailed(f"the IPv{family} networks of the file overlap")

    def contains(self, address: str) -> bool:
        """Return whether one of the networks contains the address."""
        parsed = ip_address(address)
        place = bisect_right(self._starts[parsed.version], int(parsed)) - 1
        return place >= 0 and int(parsed) <= self._ends[parsed.version][place]

    def answer_queries(self, queries: Queries) -> dict[Kind, set[str]]:
        """Return the addresses of queries that one of the networks contains, and nothing else."""
        return {
            kind: {query for query in asked if kind is Kind.IP and self.contains(query)}
            for kind, asked in queries.items()
        }
