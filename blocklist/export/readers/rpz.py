"""Read response policy zones back: zone file and queries -> the names that servers would block."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl

from blocklist.config.exports import Export
from blocklist.config.targets import TargetContent
from blocklist.export.readers.reading import Queries, ReadResult
from blocklist.export.readers.zone_lookup import RelevantRows, list_relevant_owners, look_up_names
from blocklist.export.readers.zone_rows import (
    PASSTHRU_DATA,
    OwnerHashes,
    max_owner_length,
    read_zone_rows,
    require_unique_owners,
)
from blocklist.frames.diff import count_distinct
from blocklist.model import Kind


def read_file(path: Path, export: Export, queries: Queries) -> ReadResult:
    """Return the entries, and the blocked and passing queries of a zone.

    Raise `ExportFailed` if servers would refuse it, or give different answers.
    """
    names = queries.get(Kind.DOMAIN, [])
    owners, limit = list_relevant_owners(names), max_owner_length(export)
    pieces, canaries = read_zone_rows(path, export, partial(_parse_zone_piece, owners))
    require_unique_owners([piece.owner_hashes for piece in pieces])
    answers = look_up_names(names, [piece.relevant for piece in pieces], limit)
    blocked, passing = answers.listed, answers.passing
    counted = [piece.listed_hashes for piece in pieces]
    if export.target.lists is TargetContent.ALLOWS:  # the names that pass are the entries
        blocked, counted = passing, [piece.passing_hashes for piece in pieces]
    by_kind = {kind: blocked if kind is Kind.DOMAIN else set() for kind in queries}
    return ReadResult(count_distinct(pl.concat(counted)), by_kind, canaries, passing)


@dataclass(frozen=True, slots=True)
class _NamePiece:
    owner_hashes: OwnerHashes
    #: Hashes of the names that are blocked by a row, themselves or below them.
    listed_hashes: pl.Series
    #: Hashes of the names that pass by a row, themselves or below them.
    passing_hashes: pl.Series
    relevant: RelevantRows


def _parse_zone_piece(owners: pl.Series, rows: pl.DataFrame) -> _NamePiece:
    """Return the content of a piece; queries depend on the rows of `owners`."""
    rows = rows.with_columns(name=_strip_wildcards(rows["owner"]))
    is_passing = rows["data"] == PASSTHRU_DATA
    names = rows["name"]
    return _NamePiece(
        OwnerHashes.from_rows(rows),
        (names.filter(~is_passing) if is_passing.any() else names).hash(),
        names.filter(is_passing).hash(),
        RelevantRows.from_piece(rows, names, owners),
    )


def _strip_wildcards(owners: pl.Series) -> pl.Series:
    """Return owners without `*.`; in most zones few of them begin so."""
    wild = owners.str.starts_with("*.").arg_true()
    return owners.scatter(wild, owners.gather(wild).str.slice(len("*.")))
