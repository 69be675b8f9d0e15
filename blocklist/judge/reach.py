"""Which names an entry reaches downwards: its own and all below it."""

import polars as pl

from blocklist.columns.names import lineage


def at_or_below(names: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """Return a row for each name and each entry that it stands at or below.

    Both frames have `value`; the result has the columns of `names` and of `entries`, the entry's
    value as `ancestor`, and `steps` (0 for the entry itself).
    """
    # The walk up to the last label is dear, so only names that look the part set out on it.
    tails = ("." + entries["value"]).implode()
    part = (
        ("." + pl.col("value")).str.contains_any(tails) if entries.height else pl.lit(value=False)
    )
    near = names.filter(part)
    return lineage(near, "value").join(entries, left_on="ancestor", right_on="value")
