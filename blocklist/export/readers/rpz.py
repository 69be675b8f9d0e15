"""Read response policy zones back: zone file and queries -> the names that servers would block.

BIND and Unbound look a query up below the zone's name. A name that exists answers for itself, even
if it has no rows but only names below it (RFC 4592, 2.2.2). For a name that does not exist, the
wildcard at its closest encloser answers, if there is one (3.3.1). A query too long for the zone
loses labels until it fits (BIND's rpz_get_p_name). PowerDNS and Knot Resolver take the nearest
wildcard above, whatever exists. A file on which these servers would differ is refused.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl

from blocklist.config.exports import Export
from blocklist.config.targets import TargetContent
from blocklist.errors import ExportFailed
from blocklist.export.readers.reading import Queries, ReadResult, filter_relevant
from blocklist.export.readers.zone_rows import (
    PASSTHRU_DATA,
    OwnerHashes,
    expand_wide_rows,
    max_owner_length,
    read_zone_rows,
    require_unique_owners,
)
from blocklist.frames.diff import count_distinct
from blocklist.frames.names import parent_name
from blocklist.indicators.names import name_and_ancestors
from blocklist.model import Kind


def read_file(path: Path, export: Export, queries: Queries) -> ReadResult:
    """Return the entries and blocked queries of a zone.

    Raise `ExportFailed` if servers would refuse it, or give different answers.
    """
    names = queries.get(Kind.DOMAIN, [])
    relevant = {up for query in names for up in name_and_ancestors(query)}
    owners = pl.Series([*relevant, *(f"*.{name}" for name in relevant)], dtype=pl.String)
    pieces, canaries = read_zone_rows(path, export, partial(_parse_zone_piece, export, owners))
    require_unique_owners([piece.owner_hashes for piece in pieces])
    rows = dict(pl.concat([piece.relevant_rows for piece in pieces]).iter_rows())
    existing = {owner.removeprefix("*.") for owner in rows}.union(
        *(piece.implied_names for piece in pieces)
    )
    limit = max_owner_length(export)
    blocked = {
        query for query in names if _is_listed_in_bind(_trim_query(query, limit), rows, existing)
    }
    for query in names:
        if _is_listed_in_powerdns(query, rows) is not (query in blocked):
            raise ExportFailed(f"servers would give different answers for {query}")
    count = count_distinct(pl.concat([piece.listed_hashes for piece in pieces]))
    by_kind = {kind: blocked if kind is Kind.DOMAIN else set() for kind in queries}
    return ReadResult(count, by_kind, canaries)


def _trim_query(query: str, limit: int) -> str | None:
    """Return the query, or the nearest name above it that fits under the zone."""
    return next((name for name in name_and_ancestors(query) if len(name) <= limit), None)


@dataclass(frozen=True, slots=True)
class _ZonePiece:
    owner_hashes: OwnerHashes
    #: Hashes of the names that are blocked by a row, themselves or below them.
    listed_hashes: pl.Series
    #: `owner` and `listed` of the rows on which queries depend.
    relevant_rows: pl.DataFrame
    #: Names on which queries depend, and that exist because an owner is below them.
    implied_names: pl.Series


def _parse_zone_piece(export: Export, owners: pl.Series, rows: pl.DataFrame) -> _ZonePiece:
    """Return what a piece says; queries depend on the rows of `owners`."""
    # A zone of allows lists the names that pass; in all others they are exceptions.
    is_passing = (rows["data"] == PASSTHRU_DATA) & (export.target.lists is TargetContent.BLOCKS)
    rows = rows.with_columns(listed=~is_passing)
    relevant = expand_wide_rows(rows.filter(pl.col("owner").is_in(owners.implode())))
    is_wild = rows["owner"].str.starts_with("*.")
    below = rows.filter(is_wild).with_columns(pl.col("owner").str.slice(len("*.")))
    names = pl.concat([rows.filter(~is_wild), below])
    return _ZonePiece(
        OwnerHashes.from_rows(rows),
        names["owner"].filter(names["listed"]).hash(),
        relevant.select("owner", "listed"),
        filter_relevant(_list_implied_names(names["owner"]), owners).unique(),
    )


def _list_implied_names(names: pl.Series) -> pl.Series:
    """Return the names above the given ones, except for the last labels.

    It matters whether they exist, because a wildcard may be above them.
    """
    level = pl.DataFrame({"name": names, "dots": names.str.count_matches(".", literal=True)})
    implied = [names.clear()]
    while not (level := level.filter(pl.col("dots") > 1)).is_empty():
        level = level.select(parent_name(pl.col("name")), pl.col("dots") - 1)
        implied.append(level["name"])
    return pl.concat(implied)


def _is_listed_in_bind(name: str | None, rows: dict[str, bool], existing: set[str]) -> bool:
    """Return whether BIND and Unbound find a blocking row for the name."""
    if name is None:
        return False
    if name in existing:
        return rows.get(name, False)
    above = name_and_ancestors(name)
    encloser = next((up for up in above if up in existing), None)
    return rows.get(f"*.{encloser}", False) if encloser else False


def _is_listed_in_powerdns(name: str, rows: dict[str, bool]) -> bool:
    """Return whether PowerDNS and Knot Resolver find a blocking row for the name."""
    if name in rows:
        return rows[name]
    wildcards = (f"*.{up}" for up in name_and_ancestors(name) if up != name)
    return next((rows[wildcard] for wildcard in wildcards if wildcard in rows), False)
