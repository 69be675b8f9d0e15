"""Render response policy zones of addresses: network rows -> records that deny matching answers.

An owner is the prefix length and then the reversed address: 24.0.2.0.192.rpz-ip. In an IPv6 address
the longest run of zeros is `zz`: 48.zz.bad.db8.2001.rpz-ip. BIND drops other spellings.
"""

import polars as pl

from blocklist.config.exports import Export
from blocklist.export.render.addresses import compute_blocked_spans
from blocklist.export.render.body import Body, BodyPart
from blocklist.export.render.state import ExportState
from blocklist.export.render.zone import (
    owner_length_limit,
    policy_data,
    render_records,
    render_zone_head,
)
from blocklist.frames.networks import spans_to_networks


def render_head(export: Export, state: ExportState, body: Body) -> list[str]:
    """Return the comment and the records of the apex."""
    return render_zone_head(export, state, body)


def render_body(export: Export, rows: pl.DataFrame) -> Body:
    """Return a row for each network; networks are disjoint, sorted and without host bits."""
    owner_length_limit(export)
    spans, left_out = compute_blocked_spans(rows)
    networks = spans_to_networks(spans).to_frame("value")
    data, *_ = policy_data(export)
    records = render_records(_owner_expr(), data)
    return Body((BodyPart(networks, records),), len(networks), left_out)


def _owner_expr() -> pl.Expr:
    """Return the owner of the canonical network in `value`."""
    address, prefix = (pl.col("value").str.extract(part) for part in (r"^([^/]+)", r"/([0-9]+)$"))
    is_ipv6 = pl.col("value").str.contains(":", literal=True)
    # The run of zeros that RFC 5952 shortens is the one that is `zz` here.
    groups = address.str.replace("::", ":zz:", literal=True).str.strip_chars(":").str.split(":")
    parts = pl.when(is_ipv6).then(groups).otherwise(address.str.split("."))
    bits = prefix.fill_null(pl.when(is_ipv6).then(pl.lit("128")).otherwise(pl.lit("32")))
    return pl.concat_str(bits, parts.list.reverse().list.join("."), pl.lit("rpz-ip"), separator=".")
