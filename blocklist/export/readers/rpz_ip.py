"""Read response policy zones of addresses back: owners as BIND accepts them -> networks, names."""

from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import polars as pl

from blocklist.config.exports import Export
from blocklist.errors import ExportFailed
from blocklist.export.readers.addresses import NetworkRanges
from blocklist.export.readers.reading import Queries, ReadResult
from blocklist.export.readers.zone_lookup import RelevantRows, list_relevant_owners, look_up_names
from blocklist.export.readers.zone_rows import (
    PASSTHRU_DATA,
    OwnerHashes,
    expand_wide_rows,
    max_owner_length,
    read_zone_rows,
    require_unique_owners,
)
from blocklist.model import Kind

_IPV6_GROUPS = 8


def read_file(path: Path, export: Export, queries: Queries) -> ReadResult:
    """Return the networks of a zone, the queried addresses in them, and the passing names."""
    names = queries.get(Kind.DOMAIN, [])
    relevant = list_relevant_owners(names)
    parts, canaries = read_zone_rows(path, export, partial(_parse_zone_piece, relevant))
    require_unique_owners([part.owner_hashes for part in parts])
    owners = pl.concat([part.networks for part in parts]).unique(maintain_order=True)
    ranges = NetworkRanges(pl.Series(map(_parse_owner, owners), dtype=pl.String))
    answers = look_up_names(names, [part.relevant for part in parts], max_owner_length(export))
    return ReadResult(len(owners), ranges.answer_queries(queries), canaries, answers.passing)


@dataclass(frozen=True, slots=True)
class _AddressPiece:
    owner_hashes: OwnerHashes
    #: The owners of rows that block.
    networks: pl.Series
    relevant: RelevantRows


def _parse_zone_piece(relevant: pl.Series, rows: pl.DataFrame) -> _AddressPiece:
    """Return the content of a piece; queries for names depend on the `relevant` owners."""
    is_passing = rows["data"] == PASSTHRU_DATA
    passing = rows.filter(is_passing)
    return _AddressPiece(
        OwnerHashes.from_rows(rows),
        expand_wide_rows(rows.filter(~is_passing))["owner"],
        RelevantRows.from_piece(passing, passing["owner"].str.strip_prefix("*."), relevant),
    )


def _parse_owner(owner: str) -> str:
    """Return the network of an owner; raise `ExportFailed` for an owner that BIND drops."""
    prefix, *reversed_parts, trigger = owner.split(".")
    parts = reversed_parts[::-1]
    if "zz" in parts:
        index = parts.index("zz")
        parts[index : index + 1] = ["0"] * (_IPV6_GROUPS + 1 - len(parts))
    try:
        address = ip_address((":" if len(parts) == _IPV6_GROUPS else ".").join(parts))
        width = int(prefix)
    except ValueError:
        raise ExportFailed(f"the zone has an owner that is no address: {owner}") from None
    host_bits = int(address) & ((1 << (address.max_prefixlen - width)) - 1)
    if trigger != "rpz-ip" or host_bits or not 0 < width <= address.max_prefixlen:
        raise ExportFailed(f"the zone has an owner that is no network: {owner}")
    text = str(address).replace("::", ":zz:").strip(":") if address.version == 6 else str(address)
    if text.replace(":", ".").split(".")[::-1] != reversed_parts:
        raise ExportFailed(f"the zone has an owner that is not in canonical form: {owner}")
    return f"{address}/{width}"
