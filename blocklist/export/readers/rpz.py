"""Response policy zones as BIND looks names up in them.

A query is looked up below the zone's name: a name that exists answers for itself, also where it has
no rows but names below it (RFC 4592, 2.2.2); one that does not is answered by the wildcard at its
closest encloser, if there is one (3.3.1). A query too long for the zone loses labels until it fits
(BIND's rpz_get_p_name).
"""

from pathlib import Path

import polars as pl

from blocklist.config import Export
from blocklist.errors import ExportFailed
from blocklist.export.canary import content
from blocklist.model import Kind
from blocklist.names import lineage

_ROW = r"^([a-z0-9_*.-]+) CNAME (\.|rpz-passthru\.)$"
_APEX = r"^(?:\$TTL [0-9]+|@ SOA .+|@ NS .+)$"
_APEX_ROWS = 3


class Zone:
    """The rows of a zone file, by owner."""

    def __init__(self, path: Path, export: Export) -> None:
        self._room = 253 - len(f".{export.zone}")
        texts = content(path, export)
        texts = texts.filter(~texts.str.starts_with(";"))
        rows = texts.str.extract_groups(_ROW).struct.unnest()
        rows.columns = ["owner", "data"]
        apex = texts.filter(rows["owner"].is_null())
        if len(apex) != _APEX_ROWS or not apex.str.contains(_APEX).all():
            raise ExportFailed("the zone has a line that is neither its apex nor one of our rows")
        self._rows = rows.drop_nulls()
        self._refuse_what_servers_refuse()

    def _refuse_what_servers_refuse(self) -> None:
        owner = self._rows["owner"]
        if (owner.str.len_bytes() > self._room).any():
            raise ExportFailed("the zone has an owner of more than 255 octets")
        if owner.n_unique() < len(owner):
            raise ExportFailed("the zone has two rows for one owner")
        if owner.str.contains(r"^\*$|.\*|^\*[^.]|^\.|\.\.|\.$").any():
            raise ExportFailed("the zone has an owner that is no name")

    @property
    def count(self) -> int:
        """How many names have a row that blocks them or what is below them."""
        blocking = self._rows.filter(data=".")["owner"]
        return blocking.str.strip_prefix("*.").n_unique()

    def blocked(self, kind: Kind, queries: list[str]) -> set[str]:
        """Return the names that get no answer."""
        if kind is not Kind.DOMAIN:
            return set()
        asked = {query: self._trimmed(query) for query in queries}
        near = {up for name in asked.values() if name for up in lineage(name)}
        rows = self._at(near)
        existing = rows.keys() | self._parents(near, rows)
        return {
            query for query, name in asked.items() if name and _answer(name, rows, existing) == "."
        }

    def _trimmed(self, query: str) -> str | None:
        return next((name for name in lineage(query) if len(name) <= self._room), None)

    def _at(self, near: set[str]) -> dict[str, str]:
        wanted = pl.Series([*near, *(f"*.{name}" for name in near)], dtype=pl.String)
        found = self._rows.filter(pl.col("owner").is_in(wanted.implode()))
        return dict(found.iter_rows())

    def _parents(self, near: set[str], rows: dict[str, str]) -> set[str]:
        """Return those of the names without rows that have some below them.

        Only where a wildcard stands above does it matter whether they exist.
        """
        doubtful = {
            name
            for name in near
            if name not in rows and any(f"*.{up}" in rows for up in lineage(name))
        }
        if not doubtful:
            return set()
        # One pass over all owners finds those that end in a doubtful name; few are left then.
        marks = [f".{name}$" for name in sorted(doubtful)]
        owners = self._rows["owner"]
        found = owners.filter((owners + "$").str.contains_any(marks))
        return {up for owner in found for up in lineage(owner)} & doubtful


def _answer(name: str, rows: dict[str, str], existing: set[str]) -> str | None:
    if name in existing:
        return rows.get(name)
    above = lineage(name)
    encloser = next((up for up in above if up in existing), None)
    return rows.get(f"*.{encloser}") if encloser else None
