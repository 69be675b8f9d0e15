"""Render response policy zones of addresses: network rows -> records that deny matching answers.

An owner is the prefix length and then the reversed address: 24.0.2.0.192.rpz-ip. In an IPv6 address
the longest run of zeros is `zz`: 48.zz.bad.db8.2001.rpz-ip. BIND drops other spellings.
"""

import polars as pl

from blocklist.config.exports import Export
from blocklist.export.render.addresses import compute_blocked_spans
from blocklist.export.render.body import Body, BodyPart
from blocklist.export.render.precedence import effective_rules, sort_by_family
from blocklist.export.render.sanitize import require_safe_names
from blocklist.export.render.state import ExportState
from blocklist.export.render.zone import (
    owner_length_limit,
    policy_data,
    render_records,
    render_zone_head,
    require_host_owners,
)
from blocklist.export.render.zone_names import (
    build_entries,
    exclude_triggers,
    name_records,
    pin_allows,
)
from blocklist.frames.networks import spans_to_networks
from blocklist.model import Kind


def render_head(export: Export, state: ExportState, body: Body) -> list[str]:
    """Return the comment and the records of the apex."""
    return render_zone_head(export, state, body)


def render_body(export: Export, rows: pl.DataFrame) -> Body:
    """Return a row for each network, and then the rows of allowed names.

    Networks are disjoint, sorted and without host bits. An allowed name passes whatever its
    addresses are.
    """
    require_host_owners(export)
    is_name = pl.col("kind") == Kind.DOMAIN.value
    names, trigger_count = _build_pass_entries(export, rows.filter(is_name))
    spans, left_out = compute_blocked_spans(rows.filter(~is_name))
    networks = spans_to_networks(spans).to_frame("value")
    data, *_ = policy_data(export)
    records = render_records(_owner_expr(), data)
    if trigger_count:
        left_out |= {"rpz-trigger": trigger_count}
    parts = (BodyPart(networks, records), BodyPart(names, name_records([])))
    return Body(parts, len(networks), left_out)


def _build_pass_entries(export: Export, rows: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Return the allowed names that need rows, and the number of those that are triggers."""
    limit = owner_length_limit(export)
    require_safe_names(rows["value"])
    rows, trigger_count = exclude_triggers(rows)
    entries, _ = build_entries(effective_rules(pin_allows(rows, limit)), limit)
    return sort_by_family(entries), trigger_count


def _owner_expr() -> pl.Expr:
    """Return the owner of the canonical network in `value`."""
    address, prefix = (pl.col("value").str.extract(part) for part in (r"^([^/]+)", r"/([0-9]+)$"))
    is_ipv6 = pl.col("value").str.contains(":", literal=True)
    # The run of zeros that RFC 5952 shortens is the one that is `zz` here.
    groups = address.str.replace("::", ":zz:", literal=True).str.strip_chars(":").str.split(":")
    parts = pl.when(is_ipv6).then(groups).otherwise(address.str.split("."))
    bits = prefix.fill_null(pl.when(is_ipv6).then(pl.lit("128")).otherwise(pl.lit("32")))
    return pl.concat_str(bits, parts.list.reverse().list.join("."), pl.lit("rpz-ip"), separator=".")
