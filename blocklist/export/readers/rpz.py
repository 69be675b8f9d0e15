"""Response policy zones as servers look names up in them.

BIND and Unbound look a query up below the zone's name: a name that exists answers for itself, also
where it has no rows but names below it (RFC 4592, 2.2.2); one that does not is answered by the
wildcard at its closest encloser, if there is one (3.3.1). A query too long for the zone loses
labels until it fits (BIND's rpz_get_p_name). PowerDNS and Knot Resolver take the nearest wildcard
above, whatever exists. A file on which they would differ is refused.
"""

from ipaddress import ip_address
from pathlib import Path

import polars as pl

from blocklist.catalogue import Allows, Lists
from blocklist.config import Export
from blocklist.errors import ExportFailed
from blocklist.export.canary import content
from blocklist.model import Kind
from blocklist.names import lineage

_OWNER = r"^[a-z0-9_*.-]+$"
_APEX = r"^(?:\$TTL [0-9]+|@ SOA .+|@ NS .+)$"
_APEX_ROWS = 3
_THROUGH = "CNAME rpz-passthru."
_FIXED = {"nxdomain": ".", "nodata": "*.", "drop": "rpz-drop.", "tcp-only": "rpz-tcp-only."}


def known_data(export: Export) -> set[str]:
    """Return the data that rows of an export's zone may have."""
    if export.target.lists is Lists.ALLOWS:
        return {_THROUGH}
    found = set() if export.target.allows is Allows.NONE else {_THROUGH}
    for action in export.policies:
        words = action.split()
        if action in _FIXED:
            found.add(f"CNAME {_FIXED[action]}")
        elif all(map(_is_address, words)):
            # Names that no host can have are denied.
            found |= {f"{'AAAA' if ':' in word else 'A'} {word}" for word in words} | {"CNAME ."}
        else:
            found.add(f"CNAME {action}.")
    return found


def _is_address(word: str) -> bool:
    try:
        ip_address(word)
    except ValueError:
        return False
    return True


def zone_rows(path: Path, export: Export) -> pl.DataFrame:
    """Return `owner` and `data` of the rows of a zone file; raise when servers would refuse it."""
    texts = content(path, export)
    texts = texts.filter(~texts.str.starts_with(";"))
    rows = _read(texts, known_data(export))
    strange = ~rows["owner"].str.contains(_OWNER).fill_null(value=False)
    apex = texts.filter(strange)
    if len(apex) != _APEX_ROWS or not apex.str.contains(_APEX).all():
        raise ExportFailed("the zone has a line that is neither its apex nor one of our rows")
    rows = rows.filter(~strange)
    owner = rows["owner"]
    if (owner.str.len_bytes() > room_for_owners(export)).any():
        raise ExportFailed("the zone has an owner of more than 255 octets")
    if _is_twice(rows):
        raise ExportFailed("the zone has two rows for one owner")
    if owner.str.contains(r"^\*$|.\*|^\*[^.]|^\.|\.\.|\.$").any():
        raise ExportFailed("the zone has an owner that is no name")
    return rows


def _read(texts: pl.Series, known: set[str]) -> pl.DataFrame:
    """Return what stands before the `data` that a line ends in, null where it is none we know."""
    text = pl.col("text")
    data = [pl.when(text.str.ends_with(f" {one}")).then(pl.lit(one)) for one in sorted(known)]
    found = texts.alias("text").to_frame().with_columns(data=pl.coalesce(data))
    length = text.str.len_bytes() - pl.col("data").str.len_bytes() - 1
    return found.select("data", owner=text.str.slice(0, length)).select("owner", "data")


def _is_twice(rows: pl.DataFrame) -> bool:
    """Return whether an owner has a row twice, or another one beside a CNAME."""
    alias = rows["data"].str.starts_with("CNAME")
    alone = rows["owner"].filter(alias)
    others = rows.filter(~alias)
    return (
        alone.n_unique() < len(alone)
        or others.is_duplicated().any()
        or others["owner"].is_in(alone.implode()).any()
    )


def room_for_owners(export: Export) -> int:
    """Return how long an owner can be under the zone's name."""
    return 253 - len(f".{export.zone}")


class Zone:
    """The rows of a zone file, by owner."""

    def __init__(self, path: Path, export: Export) -> None:
        self._room = room_for_owners(export)
        rows = zone_rows(path, export)
        # In a zone of allows every row is what it lists; elsewhere what passes is not.
        passing = (rows["data"] == _THROUGH) & (export.target.lists is Lists.BLOCKS)
        self._rows = rows.select("owner", listed=~passing).unique("owner", maintain_order=True)

    @property
    def count(self) -> int:
        """How many names have a row that lists them or what is below them."""
        return self._rows.filter("listed")["owner"].str.strip_prefix("*.").n_unique()

    def blocked(self, kind: Kind, queries: list[str]) -> set[str]:
        """Return the names that get no answer, or of a zone of allows those that it lets pass."""
        if kind is not Kind.DOMAIN:
            return set()
        asked = {query: self._trimmed(query) for query in queries}
        near = {up for query in queries for up in lineage(query)}
        rows = self._at(near)
        existing = rows.keys() | self._parents(near, rows)
        found = {query for query, name in asked.items() if name and _answer(name, rows, existing)}
        for query in queries:
            if _nearest(query, rows) is not (query in found):
                raise ExportFailed(f"servers would differ on {query}, by how they read the zone")
        return found

    def _trimmed(self, query: str) -> str | None:
        return next((name for name in lineage(query) if len(name) <= self._room), None)

    def _at(self, near: set[str]) -> dict[str, bool]:
        wanted = pl.Series([*near, *(f"*.{name}" for name in near)], dtype=pl.String)
        found = self._rows.filter(pl.col("owner").is_in(wanted.implode()))
        return dict(found.iter_rows())

    def _parents(self, near: set[str], rows: dict[str, bool]) -> set[str]:
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


def _answer(name: str, rows: dict[str, bool], existing: set[str]) -> bool:
    """Return whether a row lists the name, as BIND and Unbound look it up."""
    if name in existing:
        return rows.get(name, False)
    above = lineage(name)
    encloser = next((up for up in above if up in existing), None)
    return rows.get(f"*.{encloser}", False) if encloser else False


def _nearest(name: str, rows: dict[str, bool]) -> bool:
    """Return whether a row lists the name, as PowerDNS and Knot Resolver look it up."""
    if name in rows:
        return rows[name]
    wildcards = (f"*.{up}" for up in lineage(name) if up != name)
    return next((rows[wildcard] for wildcard in wildcards if wildcard in rows), False)
