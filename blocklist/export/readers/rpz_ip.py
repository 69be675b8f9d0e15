"""Read response policy zones of addresses back: owners as BIND accepts them -> networks."""

from ipaddress import ip_address
from pathlib import Path

import polars as pl

from blocklist.config.exports import Export
from blocklist.errors import ExportFailed
from blocklist.export.readers.addresses import NetworkRanges
from blocklist.export.readers.reading import Queries, ReadResult
from blocklist.export.readers.zone_rows import (
    OwnerHashes,
    expand_wide_rows,
    read_zone_rows,
    require_unique_owners,
)

_IPV6_GROUPS = 8


def read_file(path: Path, export: Export, queries: Queries) -> ReadResult:
    """Return the networks of a zone, and the queried addresses that they contain."""
    parts, canaries = read_zone_rows(
        path, export, lambda rows: (expand_wide_rows(rows)["owner"], OwnerHashes.from_rows(rows))
    )
    require_unique_owners([owners for _, owners in parts])
    owners = pl.concat([names for names, _ in parts]).unique(maintain_order=True)
    ranges = NetworkRanges(pl.Series(map(_parse_owner, owners), dtype=pl.String))
    return ReadResult(len(owners), ranges.answer_queries(queries), canaries)


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
