"""Address ranges of a file that was read back: networks -> whether one contains an address."""

from bisect import bisect_right
from ipaddress import ip_address

import polars as pl

from blocklist.errors import ExportFailed, InvalidIndicator
from blocklist.export.readers.reading import Queries
from blocklist.frames.networks import networks_to_spans
from blocklist.model import Kind


class NetworkRanges:
    """The networks of a file, which must not overlap."""

    def __init__(self, values: pl.Series) -> None:
        try:
            spans = networks_to_spans(values)
        except InvalidIndicator:
            raise ExportFailed("the file has a line that is no network") from None
        self._starts: dict[int, list[int]] = {}
        self._ends: dict[int, list[int]] = {}
        for family in (4, 6):
            part = spans.filter(family=family).sort("first")
            self._starts[family] = part["first"].to_list()
            self._ends[family] = part["last"].to_list()
            if (part["first"] <= part["last"].shift(1)).any():
                raise ExportFailed(f"the IPv{family} networks of the file overlap")

    def contains(self, address: str) -> bool:
        """Return whether one of the networks contains the address."""
        parsed = ip_address(address)
        index = bisect_right(self._starts[parsed.version], int(parsed)) - 1
        return index >= 0 and int(parsed) <= self._ends[parsed.version][index]

    def answer_queries(self, queries: Queries) -> dict[Kind, set[str]]:
        """Return the queried addresses that one of the networks contains; other kinds are empty."""
        return {
            kind: {query for query in asked if kind is Kind.IP and self.contains(query)}
            for kind, asked in queries.items()
        }
