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

_BLOCKS_NAME, _BLOCKS_BELOW = pl.col("own") > 0, pl.col("under") > 0


def narrow_to_target(rows: pl.DataFrame, target: Target) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the names that need rules, and how many blocks could not be said in full, by reason.

    `own` and `under` are the codes of the name, and of what is below it; see `meaning.nodes`.
    """
    said = _fill_inherited(effective_rules(rows))
    counts: Counter[str] = Counter()
    for step in (_narrow_around_allows, _drop_below_only, _drop_exact_only):
        said, found = step(said, target)
        counts.update(found)
    needed = said.filter(pl.any_horizontal(pl.col("own", "under") != pl.col("inherited")))
    return needed.select("value", "own", "under", *_order_columns(needed)), {
        why: n for why, n in counts.items() if n
    }


def _fill_inherited(found: pl.DataFrame) -> pl.DataFrame:
    """Return what holds for each name, silence filled with what its nearest ancestor says.

    What the name's own rows say stays beside it, as `told_own` and `told_under`.
    """
    found = found.with_columns(told_own="own", told_under="under")
    return found.with_columns(pl.col("own", "under").fill_null(pl.col("inherited")))


def _override_rules(said: pl.DataFrame, **changes: pl.Expr) -> pl.DataFrame:
    """Return what holds for each name after some tell otherwise."""
    told = {"own": pl.col("told_own"), "under": pl.col("told_under")}
    return _fill_inherited(
        inherit_within(said.select("value", *_order_columns(said), **(told | changes)))
    )


def _order_columns(said: pl.DataFrame) -> list[str]:
    return [name for name in (FAMILY_ORDER,) if name in said.columns]


_Narrowed = tuple[pl.DataFrame, dict[str, int]]


def _narrow_around_allows(said: pl.DataFrame, target: Target) -> _Narrowed:
    """Make room for the allows in the midst of blocks, as the target can have them."""
    holes = said.filter("covered", ~(_BLOCKS_NAME & _BLOCKS_BELOW))
    if target.allows is AllowPrecedence.SPECIFIC or holes.is_empty():
        return said, {}
    if target.allows is AllowPrecedence.ALWAYS:
        return _open_below_allows(said, holes)
    # No rule can allow: what reaches below is dropped above every hole.
    above = _names_above(holes["value"])
    wide = pl.col("value").is_in(above.implode()) & (pl.col("told_under") > 0).fill_null(
        value=False
    )
    count = int(said.select(wide.sum()).item())
    narrowed = _override_rules(said, under=pl.when(~wide).then("told_under"))
    return narrowed, {"narrowed-to-exact": count}


def _open_below_allows(said: pl.DataFrame, holes: pl.DataFrame) -> _Narrowed:
    """Let the topmost of the holes open all below them, and drop what is said there."""
    marks = holes.select("value", under=pl.lit(1, POLICY_CODE))
    inside = inherit_rules(said.select("value"), marks)
    inner = inside.filter("covered")["value"]
    outside = said.filter(~pl.col("value").is_in(inner.implode()))
    tops = pl.col("value").is_in(holes["value"].implode())
    opened = _override_rules(
        outside,
        own=pl.when(tops).then(pl.lit(0, POLICY_CODE)).otherwise("told_own"),
        under=pl.when(tops).then(pl.lit(0, POLICY_CODE)).otherwise("told_under"),
    )
    lost = said.filter(pl.col("value").is_in(inner.implode()), _BLOCKS_NAME | _BLOCKS_BELOW)
    widened = outside.filter(tops, _BLOCKS_NAME | _BLOCKS_BELOW)
    return opened, {"under-allow": lost.height, "allow-widened": widened.height}


def _drop_below_only(said: pl.DataFrame, target: Target) -> _Narrowed:
    """Leave open what is below a name that is not blocked itself, where no rule can say that."""
    counts: Counter[str] = Counter()
    if Scope.BELOW in target.scopes:
        return said, counts
    odd = ~_BLOCKS_NAME & _BLOCKS_BELOW
    # What is open below a name may leave another one below it so.
    while not (found := said.filter(odd)).is_empty():
        widened = int((found["inherited"] > 0).sum())
        counts.update({"below": found.height - widened, "allow-widened": widened})
        said = _override_rules(
            said, under=pl.when(~odd).then("told_under").otherwise(pl.lit(0, POLICY_CODE))
        )
    return said, counts


def _drop_exact_only(said: pl.DataFrame, target: Target) -> _Narrowed:
    """Leave open a name of which only itself is blocked, where no rule can say that."""
    alone = _BLOCKS_NAME & ~_BLOCKS_BELOW
    count = int(said.select(alone.sum()).item())
    if Scope.EXACT in target.scopes or not count:
        return said, {}
    return said.with_columns(own=pl.when(~alone).then("own").otherwise(pl.lit(0, POLICY_CODE))), {
        "exact": count
    }


def _names_above(names: pl.Series) -> pl.Series:
    """Return all names above those given."""
    above = expand_ancestors(names.alias("value").to_frame(), "value").filter(pl.col("steps") > 0)
    return above["ancestor"].unique()
