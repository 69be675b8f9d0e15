"""Response policy zones as servers look names up in them.

BIND and Unbound look a query up below the zone's name: a name that exists answers for itself, also
where it has no rows but names below it (RFC 4592, 2.2.2); one that does not is answered by the
wildcard at its closest encloser, if there is one (3.3.1). A query too long for the zone loses
labels until it fits (BIND's rpz_get_p_name). PowerDNS and Knot Resolver take the nearest wildcard
above, whatever exists. A file on which they would differ is refused.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar

import polars as pl

from blocklist.columns.names import parent
from blocklist.config import Export
from blocklist.errors import ExportFailed
from blocklist.export.readers.reading import Queries, Reading, different, through
from blocklist.model import Kind
from blocklist.names import lineage
from blocklist.targets import Allows, Lists

_OWNER = r"^(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$"
_NEARLY = r"^[a-z0-9_*.-]+ "
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


def read(path: Path, export: Export, queries: Queries) -> Reading:
    """Return what a zone of names holds; raise `ExportFailed` where servers would refuse it."""
    asked = queries.get(Kind.DOMAIN, [])
    near = {up for query in asked for up in lineage(query)}
    wanted = pl.Series([*near, *(f"*.{name}" for name in near)], dtype=pl.String)
    parts, canaries = through_rows(path, export, partial(_part, export, wanted))
    require_once([part.owners for part in parts])
    near_rows = pl.concat([part.near for part in parts])
    rows = dict(near_rows.iter_rows())
    above = pl.concat([part.above for part in parts])
    existing = rows.keys() | _parents(near, rows, above)
    room = room_for_owners(export)
    found = {query for query in asked if _answer(_trimmed(query, room), rows, existing)}
    for query in asked:
        if _nearest(query, rows) is not (query in found):
            raise ExportFailed(f"servers would differ on {query}, by how they read the zone")
    blocked = {kind: found if kind is Kind.DOMAIN else set() for kind in queries}
    return Reading(different(pl.concat([part.names for part in parts])), blocked, canaries)


def _trimmed(query: str, room: int) -> str | None:
    return next((name for name in lineage(query) if len(name) <= room), None)


_Rows = TypeVar("_Rows")


def through_rows(
    path: Path, export: Export, read_rows: Callable[[pl.DataFrame], _Rows]
) -> tuple[list[_Rows], list[str]]:
    """Give the rows of a zone to `read_rows`, piece by piece, as `owner` and `data`.

    Return what it gave, and the lines of the canaries. Raise `ExportFailed` for a line that is
    neither a row with data that we know nor of the apex.
    """
    known = known_data(export)
    room = room_for_owners(export)

    def piece(texts: pl.Series) -> tuple[_Rows, pl.Series]:
        rows, others = _rows(texts, known)
        if (rows["owner"].str.len_bytes() > room).any():
            raise ExportFailed("the zone has an owner of more than 255 octets")
        return read_rows(rows), others

    parts, canaries = through(path, export, piece)
    apex = pl.concat([others for _, others in parts])
    if len(apex) != _APEX_ROWS or not apex.str.contains(_APEX).all():
        raise ExportFailed("the zone has a line that is neither its apex nor one of our rows")
    return [found for found, _ in parts], canaries


def _rows(texts: pl.Series, known: set[str]) -> tuple[pl.DataFrame, pl.Series]:
    """Return the rows that lines are, and the lines that are none."""
    rest, parts, others = texts, [], []
    for data in sorted(known):
        ends = rest.str.ends_with(f" {data}")
        mine, rest = rest.filter(ends), rest.filter(~ends)
        owner = mine.str.strip_suffix(f" {data}")
        named = owner.str.contains(_OWNER)
        if not named.all():
            others.append(mine.filter(~named))
            owner = owner.filter(named)
        parts.append(owner.alias("owner").to_frame().with_columns(data=pl.lit(data)))
    if any(lines.str.contains(_NEARLY).any() for lines in others):
        raise ExportFailed("the zone has an owner that is no name")
    return pl.concat(parts), pl.concat([rest, *others])


@dataclass(frozen=True, slots=True)
class Owners:
    """Hashes of the owners of rows, 64 bits each, to see that none is there twice."""

    #: Of rows that may have no other beside them.
    alone: pl.Series
    #: Of rows with addresses, and the rows themselves.
    others: pl.Series
    rows: pl.Series

    @classmethod
    def of(cls, rows: pl.DataFrame) -> "Owners":
        """Return the hashes of rows with `owner` and `data`."""
        alias = rows["data"].str.starts_with("CNAME")
        others = rows.filter(~alias)
        return cls(
            rows["owner"].filter(alias).hash(),
            others["owner"].hash(),
            others.select(pl.struct("owner", "data").hash()).to_series(),
        )


@dataclass(frozen=True, slots=True)
class _Part:
    owners: Owners
    #: Hashes of the names that a row lists, or lists what is below them.
    names: pl.Series
    #: `owner` and `listed` of what queries are about.
    near: pl.DataFrame
    #: Hashes of the names that exist because an owner stands below them.
    above: pl.Series


def _part(export: Export, wanted: pl.Series, rows: pl.DataFrame) -> _Part:
    # In a zone of allows every row is what it lists; elsewhere what passes is not.
    passing = (rows["data"] == _THROUGH) & (export.target.lists is Lists.BLOCKS)
    near = rows.select("owner", listed=~passing).filter(pl.col("owner").is_in(wanted.implode()))
    names = rows["owner"].filter(~passing).str.strip_prefix("*.").hash()
    return _Part(Owners.of(rows), names, near, _above(rows["owner"]))


def require_once(owners: list[Owners]) -> None:
    """Raise `ExportFailed` when an owner has a row twice, or another one beside a CNAME."""
    alone, others, rows = (
        pl.concat([getattr(one, name) for one in owners]) for name in ("alone", "others", "rows")
    )
    twice = different(alone) < len(alone) or different(rows) < len(rows)
    if twice or others.is_in(alone.implode()).any():
        raise ExportFailed("the zone has two rows for one owner")


def room_for_owners(export: Export) -> int:
    """Return how long an owner can be under the zone's name."""
    return 253 - len(f".{export.zone}")


def _above(owners: pl.Series) -> pl.Series:
    """Return the hashes of all names that exist because an owner stands below them."""
    wild = owners.filter(owners.str.starts_with("*.")).str.strip_prefix("*.")
    found, level = [wild.hash()], owners.str.strip_prefix("*.")
    while not level.is_empty():
        once = level.filter(level.hash().is_first_distinct())
        level = (
            once.alias("name").to_frame().select(parent(pl.col("name"))).to_series().drop_nulls()
        )
        found.append(level.hash())
    return pl.concat(found).unique()


def _parents(near: set[str], rows: dict[str, bool], above: pl.Series) -> set[str]:
    """Return those of the names without rows that have some below them.

    Only where a wildcard stands above does it matter whether they exist.
    """
    doubtful = [
        name
        for name in sorted(near)
        if name not in rows and any(f"*.{up}" in rows for up in lineage(name))
    ]
    names = pl.Series(doubtful, dtype=pl.String)
    return set(names.filter(names.hash().is_in(above.implode())))


def _answer(name: str | None, rows: dict[str, bool], existing: set[str]) -> bool:
    """Return whether a row lists the name, as BIND and Unbound look it up."""
    if name is None:
        return False
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
