"""Match names with the entries at or above them: names, entries -> rows with the distance."""

import polars as pl

from blocklist.frames.names import expand_ancestors
from blocklist.frames.parallel import map_column


def match_at_or_below(names: pl.DataFrame, entries: pl.DataFrame) -> pl.DataFrame:
    """Return a row for each name and each entry that it stands at or below.

    Both frames have `value`; the result has the columns of `names` and of `entries`, the entry's
    value as `ancestor`, and `steps` (0 for the entry itself).
    """
    if entries.is_empty():
        near = names.clear()
    else:
        near = names.filter(_prefilter_names(names["value"], entries["value"]))
    return expand_ancestors(near, "value").join(entries, left_on="ancestor", right_on="value")


def _prefilter_names(names: pl.Series, entries: pl.Series) -> pl.Series:
    """Return which names look the part: the walk up to the last label is dear."""
    tails = ("." + entries).implode()
    looks = pl.col("value").is_in(entries.implode()) | pl.col("value").str.contains_any(tails)
    return map_column(lambda piece: piece.to_frame("value").select(looks).to_series(), names)
