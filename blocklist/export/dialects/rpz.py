"""Render response policy zones of names (draft-vixie-dnsop-dns-rpz): rows -> zone records.

A wildcard does not match at or below a name that exists (RFC 4592, 2.2.1 and 3.3.1), and a name
exists as soon as anything below it exists: `*.p` beside `a.b.p` blocks neither `b.p` nor `x.b.p`.
So no row is written below a wildcard that gives the same answer. Every other name there, including
the names between, has two rows: its own and a wildcard. Then BIND, Unbound, PowerDNS and Knot
agree.
"""

import polars as pl

from blocklist.config.exports import Export
from blocklist.config.rpz_actions import PASSTHRU_RECORD
from blocklist.config.targets import AllowPrecedence
from blocklist.errors import ExportFailed
from blocklist.export.render.body import Body, BodyPart
from blocklist.export.render.narrowing import narrow_to_target
from blocklist.export.render.precedence import (
    FAMILY_ORDER,
    POLICY_CODE,
    effective_rules,
    inherit_rules,
    inherit_within,
    sort_by_family,
)
from blocklist.export.render.sanitize import require_safe_names
from blocklist.export.render.state import ExportState
from blocklist.export.render.zone import (
    owner_length_limit,
    policy_data,
    render_records,
    render_zone_head,
)
from blocklist.frames.names import expand_ancestors
from blocklist.frames.schemas import SCOPE
from blocklist.indicators.names import name_and_ancestors

# Owners that end so are triggers of another kind: 32.1.2.0.192.rpz-ip is an address.
_TRIGGER_PATTERN = r"(?:^|\.)rpz-[^.]*$"
_BLOCKS_NAME, _BLOCKS_BELOW = pl.col("at_name") > 0, pl.col("below_name") > 0


def render_head(export: Export, state: ExportState, body: Body) -> list[str]:
    """Return the comment and the records of the apex."""
    return render_zone_head(export, state, body)


def render_body(export: Export, rows: pl.DataFrame) -> Body:
    """Return the rows of the zone, sorted by family, with owners relative to the zone.

    Names that do not fit under the zone's name are left out and counted.
    """
    limit = owner_length_limit(export)
    require_safe_names(rows["value"])
    rows, trigger_count = _exclude_triggers(rows)
    rows, raised_count = _raise_long_allows(rows, limit)
    counts = {"rpz-trigger": trigger_count, "allow-widened": raised_count}
    if export.target.allows is AllowPrecedence.NONE:
        rules, narrowed = narrow_to_target(rows, export.target)
        rules = inherit_within(rules)
        counts |= narrowed
    else:
        rules = effective_rules(rows)
    entries, dropped = _build_entries(rules, limit)
    _require_free_canary(export, entries)
    counts = {reason: counts.get(reason, 0) + dropped.get(reason, 0) for reason in counts | dropped}
    return Body(
        (BodyPart(sort_by_family(entries), _name_records(policy_data(export))),),
        int(entries.select((_BLOCKS_NAME | _BLOCKS_BELOW).sum()).item()),
        {reason: count for reason, count in counts.items() if count},
    )


def _exclude_triggers(rows: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Return the rows that are not triggers of another kind, and the number of the others."""
    candidates = rows.filter(pl.col("value").str.contains("rpz-", literal=True))["value"]
    triggers = candidates.filter(candidates.str.contains(_TRIGGER_PATTERN))
    if triggers.is_empty():
        return rows, 0
    return rows.filter(~pl.col("value").is_in(triggers.implode())), len(triggers)


def _require_free_canary(export: Export, entries: pl.DataFrame) -> None:
    if export.target.canary and (entries["value"] == export.canary).any():
        raise ExportFailed(
            f"its canary, {export.canary}, is between a blocked name and an allowed name below it, "
            "and so has a row of its own; set another `canary`"
        )


def _raise_long_allows(rows: pl.DataFrame, limit: int) -> tuple[pl.DataFrame, int]:
    """Replace an allow that does not fit by allows of names above it.

    One is the nearest name that fits, for BIND, which cuts labels off a long query until it fits.
    The other is the nearest name whose wildcard fits, which PowerDNS looks up.
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
        parts += [raised.with_columns(scope=pl.lit(scope, SCOPE)) for scope in ("exact", "subtree")]
    return pl.concat(parts), long.height


def _build_entries(rules: pl.DataFrame, limit: int) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the names that need rows, and the number of blocks that do not fit, by reason.

    `at_name` and `below_name` are the effective rules, `covered` is whether a wildcard is above,
    and `wildcard` whether the name's own wildcard fits.
    """
    filled = rules.with_columns(pl.col("at_name", "below_name").fill_null(pl.col("inherited")))
    differs = pl.any_horizontal(pl.col("at_name", "below_name") != pl.col("inherited"))
    fitting, counts = _drop_long_owners(filled.filter(differs), limit)
    between = inherit_rules(_names_between(fitting.filter("covered")), rules).filter("covered")
    between = between.with_columns(at_name="inherited", below_name="inherited", wildcard=True)
    return pl.concat([fitting, between], how="diagonal"), counts


def _drop_long_owners(entries: pl.DataFrame, limit: int) -> tuple[pl.DataFrame, dict[str, int]]:
    length, is_block = pl.col("value").str.len_bytes(), _BLOCKS_NAME | _BLOCKS_BELOW
    fits, wildcard_fits = length <= limit, length + len("*.") <= limit
    loses_wildcard = fits & ~wildcard_fits & _BLOCKS_BELOW
    counts = {
        "owner-too-long": (~fits & is_block) | (loses_wildcard & ~_BLOCKS_NAME),
        "narrowed-to-exact": loses_wildcard & _BLOCKS_NAME,
    }
    counted = entries.select(**{reason: mask.sum() for reason, mask in counts.items()})
    kept = entries.filter(fits).with_columns(
        below_name=pl.when(wildcard_fits).then("below_name").otherwise(pl.lit(0, POLICY_CODE)),
        wildcard=wildcard_fits,
    )
    return kept.filter(is_block | pl.col("covered")), counted.row(0, named=True)


def _names_between(covered: pl.DataFrame) -> pl.DataFrame:
    """Return the names above the given ones that are not among them, each before its first name."""
    order = [name for name in (FAMILY_ORDER,) if name in covered.columns]
    above = expand_ancestors(covered.select("value", *order), "value").filter(pl.col("steps") > 0)
    names = above.group_by(value="ancestor").agg(pl.col(order).min())
    return names.join(covered, on="value", how="anti")


def _name_records(policies: list[tuple[str, ...]]) -> pl.Expr:
    """Return the records of a name: its own and its wildcard's, as far as they are needed.

    A name that is not blocked needs no row, unless a wildcard is above it.
    """
    own = _owner_records("at_name", pl.col("value"), policies)
    below = _owner_records("below_name", "*." + pl.col("value"), policies)
    return pl.concat_str(own, pl.when("wildcard").then(below), separator="\n", ignore_nulls=True)


def _owner_records(code: str, owner: pl.Expr, policies: list[tuple[str, ...]]) -> pl.Expr:
    """Return the lines of an owner for the policy codes in the column `code`."""
    passing = pl.when("covered").then(render_records(owner, (PASSTHRU_RECORD,)))
    blocking = (
        pl.when(pl.col(code) == number).then(render_records(owner, data))
        for number, data in enumerate(policies, 1)
    )
    return pl.coalesce(pl.when(pl.col(code) == 0).then(passing), *blocking)
