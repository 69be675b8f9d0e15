"""Precedence of a release's rows for names: rows -> the effective rule at and below each name.

The most specific row that covers a name decides. At one name, `exact` beats the scopes that reach
below, and `allow` beats `block`. A name that no row covers is not blocked.
"""

import polars as pl

from blocklist.frames.names import name_sort_key_expr, parent_name
from blocklist.frames.parallel import compact_strings, map_column

#: The column with which rows that were sorted once stay sorted: where they stand by family.
FAMILY_ORDER = "family_place"
#: The type of codes: 0 is allow, from 1 on a block and its policy.
POLICY_CODE = pl.UInt8()
_ALLOW_RANK, _EXACT_OFFSET = 255, 256


def name_rules(rows: pl.DataFrame) -> pl.DataFrame:
    """Return one row for each name of a release, with all that its own rows say, by family.

    `own` and `under` are codes: 0 is allow, others block, each by a policy of its own; null is
    silence. Rows without a column `policy` block by the first. `PLACE`, if there is one, stays.
    """
    exact, below = (pl.col("scope") == scope for scope in ("exact", "below"))
    policy = pl.col("policy") if "policy" in rows.columns else pl.lit(1, POLICY_CODE)
    # Ranks order what is said: 0 is silence, then blocks by their policy, and allow is the last.
    said = (
        pl.when(pl.col("action") == "allow")
        .then(pl.lit(_ALLOW_RANK, POLICY_CODE))
        .otherwise(policy)
    )
    rank = said.cast(pl.UInt16)
    place = [name for name in (FAMILY_ORDER,) if name in rows.columns]
    ranked = sort_by_family(rows).select(
        "value",
        *place,
        own=pl.when(below).then(0).when(exact).then(rank + _EXACT_OFFSET).otherwise(rank),
        under=pl.when(exact).then(0).otherwise(rank),
    )
    if (ranked["value"] == ranked["value"].shift()).any():
        grouped = ranked.group_by("value", maintain_order=True)
        ranked = grouped.agg(pl.col("own", "under", *place).max())
    ranks = pl.col("own", "under")
    code = pl.when(ranks > 0).then(ranks % _EXACT_OFFSET % _ALLOW_RANK).cast(POLICY_CODE)
    return ranked.select("value", code, *place)


def effective_rules(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rules of all names of a release; see `name_rules` and `inherit_within`."""
    return inherit_within(name_rules(rows))


def sort_by_family(frame: pl.DataFrame) -> pl.DataFrame:
    """Return rows sorted so that every name stands before those below it, with no other between.

    A name that was given the place of one below it stands right before that one.
    """
    if FAMILY_ORDER in frame.columns and not frame[FAMILY_ORDER].has_nulls():
        place = frame[FAMILY_ORDER]
        if place.is_sorted() and not (place == place.shift()).any():
            return frame
        return frame.sort(FAMILY_ORDER, pl.col("value").str.len_bytes(), "value")
    # The second column decides nothing, but with two polars sorts in all threads: 5 times as fast.
    keyed = frame.with_columns(map_column(_sort_keys, frame["value"]).alias("key"))
    ordered = keyed.sort("key", "value").drop("key")
    return ordered.with_columns(compact_strings(ordered["value"]))


def _sort_keys(names: pl.Series) -> pl.Series:
    return names.to_frame("name").select(name_sort_key_expr(pl.col("name"))).to_series()


def inherit_rules(frame: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Add to names what the nodes above them say.

    `inherited`: the code of the nearest node above that speaks of what is below it; 0 when none
    does. `covered`: whether any node above blocks what is below it.
    """
    return _add_inherited(frame.with_row_index("row"), known.drop_nulls("under"), frame)


def inherit_within(known: pl.DataFrame) -> pl.DataFrame:
    """Add to nodes what those above them say, as `placed` does; they stand by family."""
    values, numbered = known["value"], known.with_row_index("row")
    # Whatever has others below it has one right behind it, and what is below it in one stretch.
    above = numbered.filter(_are_below(values.shift(-1), values)).drop_nulls("under")
    marks = above.select("value", under=pl.lit(1, POLICY_CODE))
    inner = inherit_rules(marks, marks)["covered"]
    tops = above["row"].filter(~inner)
    last = pl.select(pl.repeat(None, known.height, dtype=pl.UInt32)).to_series()
    last = last.scatter(tops, tops).fill_null(strategy="forward").shift()
    rows = numbered.filter(_are_below(values, values.gather(last)))
    return _add_inherited(rows, above, known)


def _are_below(names: pl.Series, others: pl.Series) -> pl.Series:
    """Return which names are below the other ones beside them."""
    both = pl.DataFrame({"name": names, "other": others}).with_row_index("row")
    # Dots are put before the few that come near: a text made for each would take most of the time.
    longer = pl.col("name").str.len_bytes() > pl.col("other").str.len_bytes()
    near = both.filter(longer & pl.col("name").str.ends_with(pl.col("other")))
    below = near.filter(pl.col("name").str.ends_with("." + pl.col("other")))
    return pl.zeros(len(names), pl.Boolean, eager=True).scatter(below["row"], True)


def _add_inherited(rows: pl.DataFrame, speaking: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    """Add to a frame what `speaking` nodes say of some of its rows; above others none stands."""
    found = _rules_above(rows, speaking.select(ancestor="value", blocks="under"))
    answers = found.group_by("row", maintain_order=True).agg(
        inherited=pl.col("blocks").first(), covered=(pl.col("blocks") > 0).any()
    )
    nothing = {"inherited": POLICY_CODE, "covered": pl.Boolean()}
    return frame.with_columns(
        pl.zeros(frame.height, dtype, eager=True).scatter(answers["row"], answers[name]).alias(name)
        for name, dtype in nothing.items()
    )


def _rules_above(numbered: pl.DataFrame, speaking: pl.DataFrame) -> pl.DataFrame:
    """Return `row` and `blocks` for the speaking nodes above each name, nearest first."""
    level = numbered.select("row", ancestor=parent_name(pl.col("value"))).drop_nulls()
    found = [level.join(speaking, on="ancestor").select("row", "blocks").clear()]
    while not level.is_empty():
        found.append(level.join(speaking, on="ancestor").select("row", "blocks"))
        # Behind a node that blocks, nothing further up can change either answer.
        blocked = found[-1].filter(pl.col("blocks") > 0)
        level = level.join(blocked, on="row", how="anti") if blocked.height else level
        level = level.with_columns(parent_name(pl.col("ancestor"))).drop_nulls()
    return pl.concat(found)
