"""Read the rows of response policy zones: zone file -> owners, data and lines of canaries.

The readers of zones of names and of addresses share this module.
"""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar

import polars as pl

from blocklist.config.exports import Export
from blocklist.config.targets import AllowPrecedence, TargetContent
from blocklist.errors import ExportFailed
from blocklist.export.readers.reading import read_pieces
from blocklist.frames.diff import count_distinct
from blocklist.indicators.names import canonicalize_name

#: The data of a row whose names pass.
PASSTHRU_DATA = "CNAME rpz-passthru."

_OWNER_PATTERN = r"^(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$"
# BIND refuses a zone with an address at an owner with such a label (RFC 952; RFC 1123, 2.1).
_NO_HOST_LABEL_PATTERN = r"(?:^|\.)(?:-[^.]*|[^.]*-|[^.]*_[^.]*)(?:\.|$)"
_ROW_LIKE_PATTERN = r"^[a-z0-9_*.-]+ "
_APEX_PATTERN = r"^(?:\$TTL [0-9]+|@ SOA .+|@ NS .+)$"
_APEX_ROWS = 3
_ACTION_TARGETS = {
    "nxdomain": ".",
    "nodata": "*.",
    "drop": "rpz-drop.",
    "tcp-only": "rpz-tcp-only.",
}

_RowsResult = TypeVar("_RowsResult")


def read_zone_rows(
    path: Path, export: Export, read_rows: Callable[[pl.DataFrame], _RowsResult]
) -> tuple[list[_RowsResult], list[str]]:
    """Call `read_rows` with the rows of each piece of a zone: `owner`, `data` and `wide`.

    A row that is `wide` stands for two lines, which most names have: one for the owner, and then
    the same for `*.` and the owner. Return the results and the lines of the canaries. Raise
    `ExportFailed` for a line that is neither a row with valid data nor a record of the apex.
    """
    valid_data = _valid_row_data(export)
    limit = max_owner_length(export)

    def parse_rows(texts: pl.Series) -> tuple[_RowsResult, pl.Series]:
        rows, others = _parse_rows(texts, valid_data)
        length = pl.col("owner").str.len_bytes() + pl.when("wide").then(len("*.")).otherwise(0)
        if rows.select((length > limit).any()).item():
            raise ExportFailed("the zone has an owner of more than 255 octets")
        return read_rows(rows), others

    parts, canaries = read_pieces(path, export, parse_rows)
    apex = pl.concat([others for _, others in parts])
    if len(apex) != _APEX_ROWS or not apex.str.contains(_APEX_PATTERN).all():
        raise ExportFailed("the zone has a line that is neither of its apex nor a known row")
    return [result for result, _ in parts], canaries


def _valid_row_data(export: Export) -> set[str]:
    """Return the record data that may be in the zone of an export."""
    if export.target.lists is TargetContent.ALLOWS:
        return {PASSTHRU_DATA}
    data = set() if export.target.allows is AllowPrecedence.NONE else {PASSTHRU_DATA}
    for action in export.blocking_actions:
        if action in _ACTION_TARGETS:
            data.add(f"CNAME {_ACTION_TARGETS[action]}")
        elif addresses := _parse_addresses(action):
            # Names that are no host names get NXDOMAIN.
            data |= {f"{'AAAA' if ':' in text else 'A'} {text}" for text in addresses}
            data.add("CNAME .")
        else:
            data.add(f"CNAME {canonicalize_name(action)}.")
    return data


def _parse_addresses(action: str) -> list[str]:
    """Return the addresses of an action in canonical form; none for other actions."""
    try:
        return [str(ip_address(word)) for word in action.split()]
    except ValueError:
        return []


def max_owner_length(export: Export) -> int:
    """Return the maximum length of an owner under the zone's name."""
    return 253 - len(f".{export.zone}")


def _parse_rows(texts: pl.Series, valid_data: set[str]) -> tuple[pl.DataFrame, pl.Series]:
    """Return the rows of lines, and the lines that are no rows."""
    is_twin = _are_wildcard_twins(texts)
    rest = pl.DataFrame({"text": texts, "wide": is_twin.shift(-1, fill_value=False)})
    rest = rest.filter(~is_twin)
    parts, others = [], []
    for data in sorted(valid_data):
        has_data = rest["text"].str.ends_with(f" {data}")
        lines, rest = rest.filter(has_data), rest.filter(~has_data)
        owner = lines["text"].str.head(-len(f" {data}"))
        is_name = owner.str.contains(_OWNER_PATTERN)
        if data.startswith("A") and owner.str.contains(_NO_HOST_LABEL_PATTERN).any():
            raise ExportFailed("the zone has an address at an owner that is no host name")
        others.append(lines["text"].filter(~is_name))
        rows = lines.select(owner.alias("owner"), "wide", data=pl.lit(data, pl.Categorical))
        parts.append(rows.filter(is_name))
    if any(lines.str.contains(_ROW_LIKE_PATTERN).any() for lines in others):
        raise ExportFailed("the zone has an owner that is no name")
    return pl.concat(parts), pl.concat([rest["text"], *others])


def _are_wildcard_twins(texts: pl.Series) -> pl.Series:
    """Return a mask of the lines that repeat the line before them for the wildcard of its owner."""
    is_wild, length = texts.str.starts_with("*."), texts.str.len_bytes()
    fits_length = length == length.shift(fill_value=0) + len("*.")
    may_be_twin = is_wild & ~is_wild.shift(fill_value=True) & fits_length
    pairs = pl.DataFrame({"text": texts, "before": texts.shift(fill_value="")})
    return may_be_twin & pairs.select(pl.col("text").str.ends_with(pl.col("before"))).to_series()


@dataclass(frozen=True, slots=True)
class OwnerHashes:
    """64-bit hashes of the owners of rows, to find an owner with two rows."""

    #: Owners with a CNAME, which may have no other row; and those of them that are wide.
    alone: pl.Series
    wide: pl.Series
    #: Names whose wildcards have a line that is not a part of a wide row.
    wild: pl.Series
    #: Owners of rows with addresses, and hashes of these rows.
    others: pl.Series
    rows: pl.Series

    @classmethod
    def from_rows(cls, rows: pl.DataFrame) -> "OwnerHashes":
        """Return the hashes of rows with `owner`, `data` and `wide`."""
        is_cname = rows["data"].cat.starts_with("CNAME")
        alone, others = rows.filter(is_cname), expand_wide_rows(rows.filter(~is_cname))
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
    """Replace each wide row by the two rows that it stands for."""
    below = rows.filter("wide").with_columns(owner="*." + pl.col("owner"))
    return pl.concat([rows, below]).with_columns(wide=pl.lit(value=False))


def require_unique_owners(owners: list[OwnerHashes]) -> None:
    """Raise `ExportFailed` if an owner has the same row twice, or another row beside a CNAME."""
    alone, wide, wild, others, rows = (
        pl.concat([getattr(piece, name) for piece in owners])
        for name in ("alone", "wide", "wild", "others", "rows")
    )
    has_repeated = count_distinct(alone) < len(alone) or count_distinct(rows) < len(rows)
    has_mixed = len(others) > 0 and others.is_in(alone.implode()).any()
    if has_repeated or has_mixed or wide.is_in(wild.implode()).any():
        raise ExportFailed("the zone has two rows for one owner")
