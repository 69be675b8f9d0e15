"""Narrow rules to what a target can express: effective rules -> rules, never wider, and counts.

A rule of a list blocks a name alone, blocks it and all names below it, blocks only the names below
it, or allows it and all names below it. Few consumers support all four, and they differ in how an
allow ranks against a block. What a target cannot express is narrowed and counted.
"""

from collections import Counter

import polars as pl

from blocklist.config.targets import AllowPrecedence, Target
from blocklist.export.render.precedence import (
    FAMILY_ORDER,
    POLICY_CODE,
    effective_rules,
    inherit_rules,
    inherit_within,
)
from blocklist.frames.names import expand_ancestors
from blocklist.model import Scope

_BLOCKS_NAME, _BLOCKS_BELOW = pl.col("at_name") > 0, pl.col("below_name") > 0
_ALLOW = pl.lit(0, POLICY_CODE)
#: Rules, and the number of blocks that are not expressed in full, by reason.
_Narrowed = tuple[pl.DataFrame, dict[str, int]]


def narrow_to_target(rows: pl.DataFrame, target: Target) -> _Narrowed:
    """Return the names that need rules, and how many blocks were narrowed, by reason.

    The rules are `at_name` and `below_name`; see `precedence.name_rules`.
    """
    rules = _fill_inherited(effective_rules(rows))
    counts: Counter[str] = Counter()
    for step in (_narrow_around_allows, _drop_below_only, _drop_exact_only):
        rules, narrowed = step(rules, target)
        counts.update(narrowed)
    differs = pl.any_horizontal(pl.col("at_name", "below_name") != pl.col("inherited"))
    needed = rules.filter(differs).select("value", "at_name", "below_name", *_order_columns(rules))
    return needed, {reason: count for reason, count in counts.items() if count}


def _fill_inherited(rules: pl.DataFrame) -> pl.DataFrame:
    """Fill missing rules with the inherited ones.

    The rules from the name's own rows stay in `own_at_name` and `own_below_name`.
    """
    rules = rules.with_columns(own_at_name="at_name", own_below_name="below_name")
    return rules.with_columns(pl.col("at_name", "below_name").fill_null(pl.col("inherited")))


def _override_rules(rules: pl.DataFrame, **changes: pl.Expr) -> pl.DataFrame:
    """Recompute the effective rules after overriding some names' own rules."""
    own = {"at_name": pl.col("own_at_name"), "below_name": pl.col("own_below_name")}
    changed = rules.select("value", *_order_columns(rules), **(own | changes))
    return _fill_inherited(inherit_within(changed))


def _order_columns(rules: pl.DataFrame) -> list[str]:
    return [name for name in (FAMILY_ORDER,) if name in rules.columns]


def _narrow_around_allows(rules: pl.DataFrame, target: Target) -> _Narrowed:
    """Narrow blocks around the allows inside them, as far as the target cannot express those."""
    holes = rules.filter("covered", ~(_BLOCKS_NAME & _BLOCKS_BELOW))
    if target.allows is AllowPrecedence.SPECIFIC or holes.is_empty():
        return rules, {}
    if target.allows is AllowPrecedence.ALWAYS:
        return _open_below_allows(rules, holes)
    # The target has no allows: blocks above a hole no longer reach below their name.
    reaches_below = (pl.col("own_below_name") > 0).fill_null(value=False)
    is_narrowed = pl.col("value").is_in(_names_above(holes["value"]).implode()) & reaches_below
    count = int(rules.select(is_narrowed.sum()).item())
    narrowed = _override_rules(rules, below_name=pl.when(~is_narrowed).then("own_below_name"))
    return narrowed, {"narrowed-to-exact": count}


def _open_below_allows(rules: pl.DataFrame, holes: pl.DataFrame) -> _Narrowed:
    """Allow everything below the topmost holes, and drop the rules there."""
    marks = holes.select("value", below_name=pl.lit(1, POLICY_CODE))
    inner = inherit_rules(rules.select("value"), marks).filter("covered")["value"]
    is_inner = pl.col("value").is_in(inner.implode())
    outside = rules.filter(~is_inner)
    is_hole = pl.col("value").is_in(holes["value"].implode())
    opened = _override_rules(
        outside,
        at_name=pl.when(is_hole).then(_ALLOW).otherwise("own_at_name"),
        below_name=pl.when(is_hole).then(_ALLOW).otherwise("own_below_name"),
    )
    dropped = rules.filter(is_inner, _BLOCKS_NAME | _BLOCKS_BELOW)
    widened = outside.filter(is_hole, _BLOCKS_NAME | _BLOCKS_BELOW)
    return opened, {"under-allow": dropped.height, "allow-widened": widened.height}


def _drop_below_only(rules: pl.DataFrame, target: Target) -> _Narrowed:
    """Drop rules that block only the names below a name, if the target has no such rules."""
    counts: Counter[str] = Counter()
    if Scope.BELOW in target.scopes:
        return rules, counts
    is_below_only = ~_BLOCKS_NAME & _BLOCKS_BELOW
    # Dropping one rule may leave another name with a block only below it.
    while not (dropped := rules.filter(is_below_only)).is_empty():
        widened = int((dropped["inherited"] > 0).sum())
        counts.update({"below": dropped.height - widened, "allow-widened": widened})
        rules = _override_rules(
            rules, below_name=pl.when(~is_below_only).then("own_below_name").otherwise(_ALLOW)
        )
    return rules, counts


def _drop_exact_only(rules: pl.DataFrame, target: Target) -> _Narrowed:
    """Drop rules that block only a name itself, if the target has no such rules."""
    is_exact_only = _BLOCKS_NAME & ~_BLOCKS_BELOW
    count = int(rules.select(is_exact_only.sum()).item())
    if Scope.EXACT in target.scopes or not count:
        return rules, {}
    at_name = pl.when(~is_exact_only).then("at_name").otherwise(_ALLOW)
    return rules.with_columns(at_name=at_name), {"exact": count}


def _names_above(names: pl.Series) -> pl.Series:
    """Return all names above the given ones."""
    above = expand_ancestors(names.alias("value").to_frame(), "value").filter(pl.col("steps") > 0)
    return above["ancestor"].unique()
