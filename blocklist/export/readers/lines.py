"""Plain lists and hosts files: what stands in them, letter for letter, and nothing else."""

import re
from functools import cached_property
from pathlib import Path

import polars as pl

from blocklist.config import Export
from blocklist.errors import ExportFailed
from blocklist.export.canary import content
from blocklist.export.readers.addresses import Ranges
from blocklist.model import Kind


class Listed:
    """The entries of a file with one line, or the same few lines, an entry."""

    def __init__(self, path: Path, export: Export) -> None:
        self._has_names = Kind.DOMAIN in export.target.kinds
        texts = content(path, export)
        if mark := export.target.comment:
            texts = texts.filter(~texts.str.starts_with(mark))
        forms = export.target.line.strip("\n").split("\n")
        found = [texts.str.extract(_pattern(form)).drop_nulls() for form in forms]
        if sum(map(len, found)) != len(texts):
            raise ExportFailed("the file has a line that is not as the target says")
        # A consumer blocks a name in full only where it met every line of it.
        self._entries = found[0]
        for other in found[1:]:
            if not self._entries.equals(other):
                self._entries = self._entries.filter(self._entries.is_in(other.implode()))

    @property
    def count(self) -> int:
        """How many different entries there are."""
        return self._entries.n_unique()

    def blocked(self, kind: Kind, queries: list[str]) -> set[str]:
        """Return the names that are listed, or the addresses in a listed network."""
        if kind is Kind.IP:
            return {query for query in queries if self._ranges.hold(query)}
        asked = pl.Series(queries, dtype=pl.String)
        return set(self._entries.filter(self._entries.is_in(asked.implode())))

    @cached_property
    def _ranges(self) -> Ranges:
        networks = self._entries
        if self._has_names:
            networks = networks.filter(networks.str.contains(r"^[0-9.]+(?:/|$)|:"))
        return Ranges(networks)


def _pattern(form: str) -> str:
    return "^" + r"(\S+)".join(map(re.escape, form.split("{value}", 1))) + "$"
