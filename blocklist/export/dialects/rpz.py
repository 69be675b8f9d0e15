"""Render response policy zones of names (draft-vixie-dnsop-dns-rpz): rows -> zone records."""

import polars as pl

from blocklist.config.exports import Export
from blocklist.config.targets import AllowPrecedence
from blocklist.errors import ExportFailed
from blocklist.export.render.body import Body, BodyPart
from blocklist.export.render.narrowing import narrow_to_target
from blocklist.export.render.precedence import (
    FAMILY_ORDER,
    effective_rules,
    inherit_within,
    sort_by_family,
)
from blocklist.export.render.sanitize import require_safe_names
from blocklist.export.render.state import ExportState
from blocklist.export.render.zone import (
    owner_length_limit,
    policy_data,
    render_zone_head,
    require_host_owners,
)
from blocklist.export.render.zone_names import (
    IS_BLOCK,
    PASS_CODE,
    build_entries,
    exclude_triggers,
    name_records,
    pin_allows,
)
from blocklist.frames.schemas import SCOPE
from blocklist.indicators.names import name_and_ancestors


def render_head(export: Export, state: ExportState, body: Body) -> list[str]:
    """Return the comment and the records of the apex."""
    return render_zone_head(export, state, body)


def render_body(export: Export, rows: pl.DataFrame) -> Body:
    """Return the rows of the zone, sorted by family, with owners relative to the zone.

    Names that do not fit under the zone's name are left out and counted.
    """
    limit = owner_length_limit(export)
    require_host_owners(export)
    require_safe_names(rows["value"])
    rows, trigger_count = exclude_triggers(rows)
    if export.target.passes_names:
        rows = pin_allows(rows, limit)
    rows, raised_count = _raise_long_allows(rows, limit)
    counts = {"rpz-trigger": trigger_count, "allow-widened": raised_count}
    if export.target.allows is AllowPrecedence.NONE:
        rules, narrowed = narrow_to_target(rows, export.target)
        rules = inherit_within(rules)
        counts |= narrowed
    else:
        rules = effective_rules(rows)
    entries, dropped = build_entries(rules, limit)
    _require_free_canary(export, entries)
    counts = {reason: counts.get(reason, 0) + dropped.get(reason, 0) for reason in counts | dropped}
    return Body(
        (BodyPart(sort_by_family(entries), name_records(policy_data(export))),),
        int(entries.select(IS_BLOCK.sum()).item()),
        {reason: count for reason, count in counts.items() if count},
    )


def _require_free_canary(export: Export, entries: pl.DataFrame) -> None:
    if export.target.canary and (entries["value"] == export.canary).any():
        raise ExportFailed(
            f"its canary, {export.canary}, is between a blocked name and an allowed name below it, "
            "and so has a row of its own; set another `canary`"
        )


def _raise_long_allows(rows: pl.DataFrame, limit: int) -> tuple[pl.DataFrame, int]:
    """Replace an allow that does not fit by allows of names above it.

    One is the nearest name that fits, for BIND, which cuts labels off a long query until it fits.
    The other is the nearest name whose wildcard fits, which PowerDNS looks up. A name that is
    allowed itself keeps its own row, which lets queries pass.
    """
    is_long = (pl.col("action") == "allow") & (pl.col("value").str.len_bytes() > limit)
    long = rows.filter(is_long)
    if long.is_empty():
        return rows, 0
    # The names above have another place in the order, so it is computed again.
    parts = [rows.filter(~is_long).drop(FAMILY_ORDER, strict=False)]
    long = long.drop(FAMILY_ORDER, strict=False)
    for length in (limit, limit - len("*.")):
        names = [
            next((up for up in name_and_ancestors(name) if len(up) <= length), None)
            for name in long["value"]
        ]
        raised = long.with_columns(value=pl.Series(names, dtype=pl.String)).drop_nulls("value")
        parts += [
            raised.with_columns(scope=pl.lit(scope, SCOPE)).filter(
                ~pl.col("value").is_in(_list_passing(rows, scope).implode())
            )
            for scope in ("exact", "below")
        ]
    return pl.concat(parts), long.height


def _list_passing(rows: pl.DataFrame, scope: str) -> pl.Series:
    """Return the names with a row that lets queries for a scope of theirs pass."""
    if "policy" not in rows.columns:
        return rows["value"].clear()
    return rows.filter(pl.col("policy") == PASS_CODE, pl.col("scope").is_in([scope, "subtree"]))[
        "value"
    ]
