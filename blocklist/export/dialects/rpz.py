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
from blocklist.export.render.zone import (
    owner_length_limit,
    policy_data,
    render_head,
    render_records,
)
from blocklist.frames.names import expand_ancestors
from blocklist.frames.schemas import SCOPE
from blocklist.indicators.names import name_and_ancestors

__all__ = ["render_body", "render_head"]

# Below these, a name is no name but a trigger of another kind: 32.1.2.0.192.rpz-ip is an address.
_TRIGGER_PATTERN = r"(?:^|\.)rpz-[^.]*$"
_BLOCKS_NAME, _BLOCKS_BELOW = pl.col("own") > 0, pl.col("under") > 0


def render_body(export: Export, rows: pl.DataFrame) -> Body:
    """Return the rows of the zone, families together; owners are relative to the zone.

    What does not fit under the zone's name is left out, and the rest of the zone stands.
    """
    room = owner_length_limit(export)
    require_safe_names(rows["value"])
    near = pl.col("value").str.contains("rpz-", literal=True)
    triggers = rows.filter(near).filter(pl.col("value").str.contains(_TRIGGER_PATTERN))["value"]
    fine = rows.filter(~pl.col("value").is_in(triggers.implode())) if len(triggers) else rows
    told, widened = _raise_long_allows(fine, room)
    counts = {"rpz-trigger": len(triggers), "allow-widened": widened}
    if export.target.allows is AllowPrecedence.NONE:
        known, narrowed = narrow_to_target(told, export.target)
        known = inherit_within(known)
        counts |= narrowed
    else:
        known = effective_rules(told)
    entries, cut = _build_entries(known, room)
    if export.target.canary and (entries["value"] == export.canary).any():
        raise ExportFailed(
            f"its canary, {export.canary}, stands between a name that is blocked and one below it "
            "that is allowed, and has a row for that; set another `canary`"
        )
    counts = {reason: counts.get(reason, 0) + cut.get(reason, 0) for reason in counts | cut}
    return Body(
        (BodyPart(sort_by_family(entries), _name_records(policy_data(export))),),
        int(entries.select((_BLOCKS_NAME | _BLOCKS_BELOW).sum()).item()),
        {reason: count for reason, count in counts.items() if count},
    )


def _raise_long_allows(rows: pl.DataFrame, room: int) -> tuple[pl.DataFrame, int]:
    """Put an allow that does not fit on names above it: one that does, and one with its wildcard.

    BIND cuts labels off a query until it fits, and so would ask for the first; PowerDNS asks for
    the wildcard.
    """
    long = (pl.col("action") == "allow") & (pl.col("value").str.len_bytes() > room)
    lost = rows.filter(long)
    if lost.is_empty():
        return rows, 0
    # Those above have their place elsewhere.
    kept = [rows.filter(~long).drop(FAMILY_ORDER, strict=False)]
    lost = lost.drop(FAMILY_ORDER, strict=False)
    for most in (room, room - len("*.")):
        near = [
            next((up for up in name_and_ancestors(name) if len(up) <= most), None)
            for name in lost["value"]
        ]
        raised = lost.with_columns(value=pl.Series(near, dtype=pl.String)).drop_nulls("value")
        kept += [raised.with_columns(scope=pl.lit(scope, SCOPE)) for scope in ("exact", "subtree")]
    return pl.concat(kept), lost.height


def _build_entries(known: pl.DataFrame, room: int) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the names that need rows, of nodes that are placed, and how many blocks did not fit.

    `own` and `under` are what holds for the name and below it, `covered` whether a wildcard stands
    above, and `wildcard` whether the name's own wildcard fits.
    """
    said = known.with_columns(pl.col("own", "under").fill_null(pl.col("inherited")))
    needed = said.filter(pl.any_horizontal(pl.col("own", "under") != pl.col("inherited")))
    fitting, counts = _drop_long_owners(needed, room)
    between = inherit_rules(_names_between(fitting.filter("covered")), known).filter("covered")
    between = between.with_columns(own="inherited", under="inherited", wildcard=True)
    return pl.concat([fitting, between], how="diagonal"), counts


def _drop_long_owners(needed: pl.DataFrame, room: int) -> tuple[pl.DataFrame, dict[str, int]]:
    length, block = pl.col("value").str.len_bytes(), _BLOCKS_NAME | _BLOCKS_BELOW
    alone, cut = length <= room, (length + 2 > room) & (length <= room) & _BLOCKS_BELOW
    counts = {
        "owner-too-long": (~alone & block) | (cut & ~_BLOCKS_NAME),
        "narrowed-to-exact": cut & _BLOCKS_NAME,
    }
    counted = needed.select(**{reason: found.sum() for reason, found in counts.items()})
    kept = needed.filter(alone).with_columns(
        under=pl.when(length + 2 <= room).then("under").otherwise(pl.lit(0, POLICY_CODE)),
        wildcard=length + 2 <= room,
    )
    return kept.filter(block | pl.col("covered")), counted.row(0, named=True)


def _names_between(deep: pl.DataFrame) -> pl.DataFrame:
    """Return the names above those given that are not among them, in the place of the first."""
    place = [name for name in (FAMILY_ORDER,) if name in deep.columns]
    above = expand_ancestors(deep.select("value", *place), "value").filter(pl.col("steps") > 0)
    names = above.group_by(value="ancestor").agg(pl.col(place).min())
    return names.join(deep, on="value", how="anti")


def _name_records(policies: list[tuple[str, ...]]) -> pl.Expr:
    """Return the records of one name: its own and its wildcard's, as far as it needs them.

    Where no wildcard stands above, what is not blocked needs no row.
    """
    own = _owner_records("own", pl.col("value"), policies)
    wild = pl.when("wildcard").then(_owner_records("under", "*." + pl.col("value"), policies))
    return pl.concat_str(own, wild, separator="\n", ignore_nulls=True)


def _owner_records(code: str, owner: pl.Expr, policies: list[tuple[str, ...]]) -> pl.Expr:
    """Return the lines of an owner as a column of codes tells."""
    passing = pl.when("covered").then(render_records(owner, (PASSTHRU_RECORD,)))
    blocking = (
        pl.when(pl.col(code) == number).then(render_records(owner, data))
        for number, data in enumerate(policies, 1)
    )
    return pl.coalesce(pl.when(pl.col(code) == 0).then(passing), *blocking)
