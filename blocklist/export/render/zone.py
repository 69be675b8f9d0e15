"""Shared parts of response policy zones: the head, the owner limit and the data of records."""

import re

import polars as pl

from blocklist.config.exports import Export
from blocklist.config.rpz_actions import NXDOMAIN_RECORD, PASSTHRU_RECORD, action_records
from blocklist.config.targets import TargetContent
from blocklist.errors import ExportFailed
from blocklist.export.render.body import Body
from blocklist.export.render.file_head import render_comment
from blocklist.export.render.state import ExportState
from blocklist.indicators.names import MAX_NAME_LENGTH

# An underscore, or a label that begins or ends with a hyphen.
_NO_HOST_PATTERN = r"_|(?:^|\.)-|-(?:\.|$)"


def render_zone_head(export: Export, state: ExportState, body: Body) -> list[str]:
    """Return the comment and the records of the apex, which has no other records."""
    return [
        *render_comment(export, state, body),
        "$TTL 300",
        f"@ SOA localhost. hostmaster.localhost. {state.serial} 3600 600 604800 300",
        "@ NS localhost.",
    ]


def owner_length_limit(export: Export) -> int:
    """Return the maximum length of an owner relative to the zone's name (RFC 1035, 2.3.4)."""
    if export.zone is None:
        raise ExportFailed("a response policy zone needs a zone = in its export")
    limit = MAX_NAME_LENGTH - len(export.zone) - 1
    if limit < 1:
        raise ExportFailed(f"zone = {export.zone!r} is so long that no name fits under it")
    return limit


def require_host_owners(export: Export) -> None:
    """Raise `ExportFailed` for a zone or canary whose name makes every address in it refused."""
    canary = export.canary if export.target.canary else ""
    canary_data = export.target.canary.replace("{value} ", "") if canary else ""
    data = [canary_data, *(records[0] for records in policy_data(export))]
    if not export.target.host_owners or not any(text.startswith("A") for text in data):
        return
    for key, name in (("zone", export.zone), ("canary", canary)):
        if name and re.search(_NO_HOST_PATTERN, name):
            raise ExportFailed(
                f"{key} = {name!r} is no host name, and BIND refuses a zone with addresses below "
                "such a name; use letters, digits, and hyphens only inside labels"
            )


def policy_data(export: Export) -> list[tuple[str, ...]]:
    """Return the record data of each policy of an export; policy code 1 is the first item."""
    if export.target.lists is TargetContent.ALLOWS:
        return [(PASSTHRU_RECORD,)]
    return [action_records(action) for action in export.blocking_actions]


def render_records(owner: pl.Expr, data: tuple[str, ...]) -> pl.Expr:
    """Return the lines of an owner, one for each item of data.

    BIND refuses a zone with an address at an owner that is no host name (RFC 952; RFC 1123, 2.1),
    so such a name gets NXDOMAIN.
    """
    records = [pl.concat_str(owner, pl.lit(f" {item}")) for item in data]
    lines = pl.concat_str(records, separator="\n")
    if not data[0].startswith("A"):
        return lines
    denied = pl.concat_str(owner, pl.lit(f" {NXDOMAIN_RECORD}"))
    return pl.when(owner.str.contains(_NO_HOST_PATTERN)).then(denied).otherwise(lines)
