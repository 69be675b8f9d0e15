"""Read response policy zones back: zone file and queries -> the names that servers would block.

BIND and Unbound look a query up below the zone's name. A name that exists answers for itself, even
if it has no rows but only names below it (RFC 4592, 2.2.2). For a name that does not exist, the
wildcard at its closest encloser answers, if there is one (3.3.1). A query too long for the zone
loses labels until it fits (BIND's rpz_get_p_name). PowerDNS and Knot Resolver take the nearest
wildcard above, whatever exists. A file on which these servers would differ is refused.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar

import polars as pl

from blocklist.config.exports import Export
from blocklist.config.targets import AllowPrecedence, TargetContent
from blocklist.errors import ExportFailed
from blocklist.export.readers.reading import Queries, ReadResult, filter_wanted, read_pieces
from blocklist.frames.diff import count_distinct
from blocklist.frames.names import parent_name
from blocklist.indicators.names import name_and_ancestors
from blocklist.model import Kind

_OWNER_PATTERN = r"^(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$"
_ROW_LIKE_PATTERN = r"^[a-z0-9_*.-]+ "
_APEX_PATTERN = r"^(?:\$TTL [0-9]+|@ SOA .+|@ NS .+)$"
_APEX_ROWS = 3
_PASSTHRU_DATA = "CNAME rpz-passthru."
_ACTION_TARGETS = {
    "nxdomain": ".",
    "nodata": "*.",
    "drop": "rpz-drop.",
    "tcp-only": "rpz-tcp-only.",
}


def valid_row_data(export: Export) -> set[str]:
    """Return the data that rows of an export's zone may have."""
    if export.target.lists is TargetContent.ALLOWS:
        return {_PASSTHRU_DATA}
    found = set() if export.target.allows is AllowPrecedence.NONE else {_PASSTHRU_DATA}
    for action in export.blocking_actions:
        words = action.split()
        if action in _ACTION_TARGETS:
            found.add(f"CNAME {_ACTION_TARGETS[action]}")
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


def read_file(path: Path, export: Export, queries: Queries) -> ReadResult:
    """Return what a zone of names holds; raise `ExportFailed` where servers would refuse it."""
    asked = queries.get(Kind.DOMAIN, [])
    near = {up for query in asked for up in name_and_ancestors(query)}
    wanted = pl.Series([*near, *(f"*.{name}" for name in near)], dtype=pl.String)
    parts, canaries = read_zone_rows(path, export, partial(_parse_zone_piece, export, wanted))
    require_unique_owners([part.owner_hashes for part in parts])
    rows = dict(pl.concat([part.near_rows for part in parts]).iter_rows())
    existing = {owner.removeprefix("*.") for owner in rows}.union(
        *(part.implied_names for part in parts)
    )
    room = max_owner_length(export)
    found = {
        query for query in asked if _is_listed_in_bind(_trim_query(query, room), rows, existing)
    }
    for query in asked:
        if _is_listed_in_powerdns(query, rows) is not (query in found):
            raise ExportFailed(f"servers would differ on {query}, by how they read the zone")
    blocked = {kind: found if kind is Kind.DOMAIN else set() for kind in queries}
    return ReadResult(
        count_distinct(pl.concat([part.listed_hashes for part in parts])), blocked, canaries
    )


def _trim_query(query: str, room: int) -> str | None:
    return next((name for name in name_and_ancestors(query) if len(name) <= room), None)


_Rows = TypeVar("_Rows")


def read_zone_rows(
    path: Path, export: Export, read_rows: Callable[[pl.DataFrame], _Rows]
) -> tuple[list[_Rows], list[str]]:
    """Give the rows of a zone to `read_rows`, piece by piece, as `owner`, `data` and `wide`.

    A row that is `wide` stands for two: its own, and right behind it the same for `*.` and its
    owner, as most names have them. Return what it gave, and the lines of the canaries. Raise
    `ExportFailed` for a line that is neither a row with data that we know nor of the apex.
    """
    known = valid_row_data(export)
    room = max_owner_length(export)

    def parse_rows(texts: pl.Series) -> tuple[_Rows, pl.Series]:
        rows, others = _parse_rows(texts, known)
        length = pl.col("owner").str.len_bytes() + pl.when("wide").then(len("*.")).otherwise(0)
        if rows.select((length > room).any()).item():
            raise ExportFailed("the zone has an owner of more than 255 octets")
        return read_rows(rows), others

    parts, canaries = read_pieces(path, export, parse_rows)
    apex = pl.concat([others for _, others in parts])
    if len(apex) != _APEX_ROWS or not apex.str.contains(_APEX_PATTERN).all():
        raise ExportFailed("the zone has a line that is neither its apex nor one of our rows")
    return [found for found, _ in parts], canaries


def _parse_rows(texts: pl.Series, known: set[str]) -> tuple[pl.DataFrame, pl.Series]:
    """Return the rows that lines are, and the lines that are none."""
    again = _are_wildcard_twins(texts)
    rest = pl.DataFrame({"text": texts, "wide": again.shift(-1, fill_value=False)}).filter(~again)
    parts, others = [], []
    for data in sorted(known):
        ends = rest["text"].str.ends_with(f" {data}")
        mine, rest = rest.filter(ends), rest.filter(~ends)
        owner = mine["text"].str.head(-len(f" {data}"))
        named = owner.str.contains(_OWNER_PATTERN)
        others.append(mine["text"].filter(~named))
        rows = mine.select(owner.alias("owner"), "wide", data=pl.lit(data, pl.Categorical))
        parts.append(rows.filter(named))
    if any(lines.str.contains(_ROW_LIKE_PATTERN).any() for lines in others):
        raise ExportFailed("the zone has an owner that is no name")
    return pl.concat(parts), pl.concat([rest["text"], *others])


def _are_wildcard_twins(texts: pl.Series) -> pl.Series:
    """Return which lines say below a name what the line before says of the name itself."""
    wild, length = texts.str.starts_with("*."), texts.str.len_bytes()
    near = wild & ~wild.shift(fill_value=True) & (length == length.shift(fill_value=0) + len("*."))
    both = pl.DataFrame({"text": texts, "before": texts.shift(fill_value="")})
    return near & both.select(pl.col("text").str.ends_with(pl.col("before"))).to_series()


@dataclass(frozen=True, slots=True)
class OwnerHashes:
    """Hashes of the owners of rows, 64 bits each, to see that none is there twice."""

    #: Of rows that may have no other beside them, and of those among them that are wide.
    alone: pl.Series
    wide: pl.Series
    #: Of the names whose wildcards have rows that no other is wide for.
    wild: pl.Series
    #: Of rows with addresses, and the rows themselves.
    others: pl.Series
    rows: pl.Series

    @classmethod
    def from_rows(cls, rows: pl.DataFrame) -> "OwnerHashes":
        """Return the hashes of rows with `owner`, `data` and `wide`."""
        alias = rows["data"].cat.starts_with("CNAME")
        alone, others = rows.filter(alias), expand_wide_rows(rows.filter(~alias))
        owner = pl.concat([alone["owner"], others["owner"]])
        hashes = alone["owner"].hash()
        return cls(
            hashes,
            hashes.filter(alone["wide"]),
            owner.filter(owner.str.starts_with("*.")).str.slice(len("*.")).hash(),
            others["owner"].hash(),
            others.select(pl.struct("owner", "data").hash()).to_series(),
        )


def expand_wide_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows of which none is wide, for those that are the two that they stand for."""
    below = rows.filter("wide").with_columns(owner="*." + pl.col("owner"))
    return pl.concat([rows, below]).with_columns(wide=pl.lit(value=False))


@dataclass(frozen=True, slots=True)
class _ZonePiece:
    owner_hashes: OwnerHashes
    #: Hashes of the names that a row lists, or lists what is below them.
    listed_hashes: pl.Series
    #: `owner` and `listed` of what queries are about.
    near_rows: pl.DataFrame
    #: Of the names that queries are about, those that exist because an owner stands below them.
    implied_names: pl.Series


def _parse_zone_piece(export: Export, wanted: pl.Series, rows: pl.DataFrame) -> _ZonePiece:
    # In a zone of allows every row is what it lists; elsewhere what passes is not.
    passing = (rows["data"] == _PASSTHRU_DATA) & (export.target.lists is TargetContent.BLOCKS)
    rows = rows.with_columns(listed=~passing)
    near = expand_wide_rows(rows.filter(pl.col("owner").is_in(wanted.implode()))).select(
        "owner", "listed"
    )
    wild = rows["owner"].str.starts_with("*.")
    below = rows.filter(wild).with_columns(pl.col("owner").str.slice(len("*.")))
    names = pl.concat([rows.filter(~wild), below])
    listed = names["owner"].filter(names["listed"]).hash()
    return _ZonePiece(
        OwnerHashes.from_rows(rows),
        listed,
        near,
        filter_wanted(_list_implied_names(names["owner"]), wanted).unique(),
    )


def require_unique_owners(owners: list[OwnerHashes]) -> None:
    """Raise `ExportFailed` when an owner has a row twice, or another one beside a CNAME."""
    alone, wide, wild, others, rows = (
        pl.concat([getattr(one, name) for one in owners])
        for name in ("alone", "wide", "wild", "others", "rows")
    )
    twice = count_distinct(alone) < len(alone) or count_distinct(rows) < len(rows)
    beside = len(others) > 0 and others.is_in(alone.implode()).any()
    if twice or beside or wide.is_in(wild.implode()).any():
        raise ExportFailed("the zone has two rows for one owner")


def max_owner_length(export: Export) -> int:
    """Return how long an owner can be under the zone's name."""
    return 253 - len(f".{export.zone}")


def _list_implied_names(names: pl.Series) -> pl.Series:
    """Return the names above those given of which it matters whether they exist.

    That is where a wildcard can stand above them, and so not at the last label.
    """
    level = pl.DataFrame({"name": names, "dots": names.str.count_matches(".", literal=True)})
    found = [names.clear()]
    while not (level := level.filter(pl.col("dots") > 1)).is_empty():
        level = level.select(parent_name(pl.col("name")), pl.col("dots") - 1)
        found.append(level["name"])
    return pl.concat(found)


def _is_listed_in_bind(name: str | None, rows: dict[str, bool], existing: set[str]) -> bool:
    """Return whether a row lists the name, as BIND and Unbound look it up."""
    if name is None:
        return False
    if name in existing:
        return rows.get(name, False)
    above = name_and_ancestors(name)
    encloser = next((up for up in above if up in existing), None)
    return rows.get(f"*.{encloser}", False) if encloser else False


def _is_listed_in_powerdns(name: str, rows: dict[str, bool]) -> bool:
    """Return whether a row lists the name, as PowerDNS and Knot Resolver look it up."""
    if name in rows:
        return rows[name]
    wildcards = (f"*.{up}" for up in name_and_ancestors(name) if up != name)
    return next((rows[wildcard] for wildcard in wildcards if wildcard in rows), False)
