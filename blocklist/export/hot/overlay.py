"""Render a hot zone: rows of releases near the changed names -> rows that replace the old ones.

A resolver looks into the hot zone first. So at and below each changed name the hot zone answers for
every name where one of the releases has a rule, and for the names between. Elsewhere it has
nothing, and the base zone answers. While the base zone is replaced, servers have it of different
releases; then the hot zone is right before each of them.
"""

from collections.abc import Sequence

import polars as pl

from blocklist.config.exports import Export
from blocklist.errors import NotHot
from blocklist.export.render.body import Body, BodyPart
from blocklist.export.render.precedence import (
    POLICY_CODE,
    inherit_rules,
    name_rules,
    sort_by_family,
)
from blocklist.export.render.zone import owner_length_limit, policy_data, require_host_owners
from blocklist.export.render.zone_names import (
    IS_BLOCK,
    PASS_CODE,
    exclude_triggers,
    name_records,
    pin_allows,
)
from blocklist.frames.names import are_at_or_below, expand_ancestors

_SLOTS = ("at_name", "below_name")


def render_overlay(
    hot: Export, old_rows: Sequence[pl.DataFrame], new_rows: pl.DataFrame, changed: pl.Series
) -> Body:
    """Return the rows of a hot zone that lead from each old release to the new one.

    The rows (schema `RELEASE`, names only) are those at, above and below the `changed` names. Raise
    `NotHot` if a row does not fit, or if an old release lets a name pass and the new one has no
    rule for it: a hot zone cannot undo that.
    """
    require_host_owners(hot)
    limit = owner_length_limit(hot)
    names = _list_names([*old_rows, new_rows], changed)
    _require_fitting(hot, names, limit)
    before = pl.concat(_answer_slots(names, _pin_rows(rows, limit)) for rows in old_rows)
    after = _answer_slots(names, _pin_rows(new_rows, limit))
    entries = sort_by_family(_select_entries(before, after))
    block_count = int(entries.select(IS_BLOCK.sum()).item())
    return Body((BodyPart(entries, name_records(policy_data(hot))),), block_count, {})


def _list_names(releases: list[pl.DataFrame], changed: pl.Series) -> pl.DataFrame:
    """Return the changed names, the names below them that have rows, and the names between."""
    listed = pl.concat([changed, *(rows["value"] for rows in releases)]).unique()
    listed = listed.filter(are_at_or_below(listed, changed))
    above = expand_ancestors(listed.alias("value").to_frame(), "value")["ancestor"]
    names = pl.concat([listed, above.cast(pl.String)]).unique()
    return names.filter(are_at_or_below(names, changed)).alias("value").to_frame()


def _require_fitting(hot: Export, names: pl.DataFrame, limit: int) -> None:
    canary = hot.canary.removeprefix("hot.")
    is_long = names["value"].str.len_bytes() + len("*.") > limit
    is_canary = (names["value"] == canary) | names["value"].str.ends_with(f".{canary}")
    if is_long.any() or (canary and is_canary.any()):
        raise NotHot("a name does not fit into the hot zone")


def _pin_rows(rows: pl.DataFrame, limit: int) -> pl.DataFrame:
    kept, trigger_count = exclude_triggers(rows)
    if trigger_count:
        raise NotHot("a name is a trigger of another kind")
    return pin_allows(kept, limit)


def _answer_slots(names: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Return for each name the policy codes at and below it; 0 where no rule covers it."""
    rules = name_rules(rows).select("value", *_SLOTS)
    inherited = inherit_rules(names, rules)
    joined = inherited.join(rules, on="value", how="left", maintain_order="left")
    return joined.select("value", pl.col(_SLOTS).fill_null(pl.col("inherited")))


def _select_entries(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Return the names that need rows, as `zone_names.name_records` renders them.

    `before` has the slots of each old release. A slot needs a row if any release has a rule there,
    or if a wildcard of the hot zone above would answer for it.
    """
    both = after.join(_join_slots(before), on="value", maintain_order="left")
    for slot in _SLOTS:
        is_pass_removed = pl.col(f"{slot}_passed") & (pl.col(slot) == 0)
        if both.select(is_pass_removed.any()).item():
            raise NotHot("a release before lets a name pass for which there is no rule now")
    is_needed = {slot: (pl.col(slot) > 0) | pl.col(f"{slot}_ruled") for slot in _SLOTS}
    wildcards = both.filter(is_needed["below_name"])
    marks = wildcards.select("value", below_name=pl.lit(1, POLICY_CODE))
    covered = inherit_rules(both, marks)["covered"]
    needs_own = is_needed["at_name"] | pl.col("covered")
    entries = both.with_columns(covered=covered).select(
        "value",
        at_name=pl.when(needs_own).then("at_name"),
        below_name="below_name",
        wildcard=is_needed["below_name"] | pl.col("covered"),
        # A needed row that blocks nothing lets the name pass.
        covered=pl.lit(value=True),
    )
    return entries.filter(pl.col("at_name").is_not_null() | pl.col("wildcard"))


def _join_slots(before: pl.DataFrame) -> pl.DataFrame:
    """Return for each name whether any old release has a rule at a slot, and lets it pass."""
    slots = pl.col(_SLOTS)
    return before.group_by("value").agg(
        (slots > 0).any().name.suffix("_ruled"), (slots == PASS_CODE).any().name.suffix("_passed")
    )
