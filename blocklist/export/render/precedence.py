"""Precedence of a release's rows for names: rows -> the effective rule at and below each name.

The most specific row that covers a name decides. At one name, `exact` beats the scopes that reach
below, and `allow` beats `block`. A name that no row covers is not blocked.
"""

import polars as pl

from blocklist.frames.names import name_sort_key_expr, parent_name
from blocklist.frames.parallel import compact_strings, map_column

#: The column that stores the order of rows by family, so that they are sorted only once.
FAMILY_ORDER = "family_place"
#: The type of policy codes: 0 is allow; every higher code is a block, with a policy of its own.
POLICY_CODE = pl.UInt8()
_ALLOW_RANK, _EXACT_OFFSET = 255, 256


def name_rules(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rule of each name from its own rows: `value`, `at_name` and `below_name`.

    The rules are policy codes for the name itself and for the names below it, or null without a
    row. Rows without a column `policy` block by the first policy. `FAMILY_ORDER` is kept if it is
    there. The result is sorted by family.
    """
    is_exact, is_below = (pl.col("scope") == scope for scope in ("exact", "below"))
    policy = pl.col("policy") if "policy" in rows.columns else pl.lit(1, POLICY_CODE)
    # Of several rows the highest rank decides: 0 for no row, then blocks by policy, then allow.
    is_allow = pl.col("action") == "allow"
    rank = pl.when(is_allow).then(pl.lit(_ALLOW_RANK, POLICY_CODE)).otherwise(policy)
    rank = rank.cast(pl.UInt16)
    order = [name for name in (FAMILY_ORDER,) if name in rows.columns]
    ranked = sort_by_family(rows).select(
        "value",
        *order,
        at_name=pl.when(is_below).then(0).when(is_exact).then(rank + _EXACT_OFFSET).otherwise(rank),
        below_name=pl.when(is_exact).then(0).otherwise(rank),
    )
    if (ranked["value"] == ranked["value"].shift()).any():
        grouped = ranked.group_by("value", maintain_order=True)
        ranked = grouped.agg(pl.col("at_name", "below_name", *order).max())
    ranks = pl.col("at_name", "below_name")
    code = pl.when(ranks > 0).then(ranks % _EXACT_OFFSET % _ALLOW_RANK).cast(POLICY_CODE)
    return ranked.select("value", code, *order)


def effective_rules(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rules of all names of a release; see `name_rules` and `inherit_within`."""
    return inherit_within(name_rules(rows))


def sort_by_family(frame: pl.DataFrame) -> pl.DataFrame:
    """Return rows sorted so that each name is directly followed by the names below it.

    A name that got the `FAMILY_ORDER` of a name below it comes directly before that name.
    """
    if FAMILY_ORDER in frame.columns and not frame[FAMILY_ORDER].has_nulls():
        order = frame[FAMILY_ORDER]
        if order.is_sorted() and not (order == order.shift()).any():
            return frame
        return frame.sort(FAMILY_ORDER, pl.col("value").str.len_bytes(), "value")
    # Sorting by a second column, which decides nothing, makes polars use all threads: 5 times as
    # fast.
    keyed = frame.with_columns(map_column(_sort_keys, frame["value"]).alias("key"))
    ordered = keyed.sort("key", "value").drop("key")
    return ordered.with_columns(compact_strings(ordered["value"]))


def _sort_keys(names: pl.Series) -> pl.Series:
    return names.to_frame("name").select(name_sort_key_expr(pl.col("name"))).to_series()


def inherit_rules(names: pl.DataFrame, rules: pl.DataFrame) -> pl.DataFrame:
    """Add to names (column `value`) the rules that they inherit from the names above them.

    `inherited` is the code of the nearest rule above for names below it, or 0 without one.
    `covered` is whether any rule above blocks the names below it.
    """
    return _add_inherited(names.with_row_index("row"), rules.drop_nulls("below_name"), names)


def inherit_within(rules: pl.DataFrame) -> pl.DataFrame:
    """Add to rules, sorted by family, the rules that they inherit from each other.

    See `inherit_rules` for the new columns.
    """
    values, numbered = rules["value"], rules.with_row_index("row")
    # A name with names below it is directly followed by them, without any other name between.
    above = numbered.filter(_are_below(values.shift(-1), values)).drop_nulls("below_name")
    marks = above.select("value", below_name=pl.lit(1, POLICY_CODE))
    is_inner = inherit_rules(marks, marks)["covered"]
    tops = above["row"].filter(~is_inner)
    last_top = pl.select(pl.repeat(None, rules.height, dtype=pl.UInt32)).to_series()
    last_top = last_top.scatter(tops, tops).fill_null(strategy="forward").shift()
    rows = numbered.filter(_are_below(values, values.gather(last_top)))
    return _add_inherited(rows, above, rules)


def _are_below(names: pl.Series, others: pl.Series) -> pl.Series:
    """Return a mask of the names that are below the other name in the same row."""
    pairs = pl.DataFrame({"name": names, "other": others}).with_row_index("row")
    # A dot is put before few names only: building a text for each would take most of the time.
    is_longer = pl.col("name").str.len_bytes() > pl.col("other").str.len_bytes()
    candidates = pairs.filter(is_longer & pl.col("name").str.ends_with(pl.col("other")))
    below = candidates.filter(pl.col("name").str.ends_with("." + pl.col("other")))
    return pl.zeros(len(names), pl.Boolean, eager=True).scatter(below["row"], True)


def _add_inherited(rows: pl.DataFrame, rules: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    """Add `inherited` and `covered` to a frame; only the numbered `rows` of it have rules above."""
    found = _rules_above(rows, rules.select(ancestor="value", code="below_name"))
    inherited = found.group_by("row", maintain_order=True).agg(
        inherited=pl.col("code").first(), covered=(pl.col("code") > 0).any()
    )
    defaults = {"inherited": POLICY_CODE, "covered": pl.Boolean()}
    return frame.with_columns(
        pl.zeros(frame.height, dtype, eager=True)
        .scatter(inherited["row"], inherited[name])
        .alias(name)
        for name, dtype in defaults.items()
    )


def _rules_above(numbered: pl.DataFrame, rules: pl.DataFrame) -> pl.DataFrame:
    """Return `row` and `code` of the rules above each name, nearest first."""
    level = numbered.select("row", ancestor=parent_name(pl.col("value"))).drop_nulls()
    found = [level.join(rules, on="ancestor").select("row", "code").clear()]
    while not level.is_empty():
        found.append(level.join(rules, on="ancestor").select("row", "code"))
        # Above a rule that blocks, no rule can change `inherited` or `covered`.
        blocked = found[-1].filter(pl.col("code") > 0)
        level = level.join(blocked, on="row", how="anti") if blocked.height else level
        level = level.with_columns(parent_name(pl.col("ancestor"))).drop_nulls()
    return pl.concat(found)
