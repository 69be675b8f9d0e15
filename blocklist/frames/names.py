"""Canonicalize columns of domain names: texts -> names, sort keys, parents or ancestors.

`blocklist.indicators.names` defines the canonical form and cites its sources.
"""

import polars as pl

from blocklist.frames.map_unique import map_unique
from blocklist.indicators.names import MAX_NAME_LENGTH, MAX_UNICODE_LENGTH, WHITESPACE, to_ascii

_REFUSAL_RULES: tuple[tuple[str, pl.Expr], ...] = (
    ("empty", pl.col("value") == ""),
    ("bad-character", ~pl.col("value").str.contains(r"^[a-z0-9_.-]*$")),
    ("too-long", pl.col("value").str.len_bytes() > MAX_NAME_LENGTH),
    ("empty-label", pl.col("value").str.contains(r"^\.|\.\.|\.$")),
    ("label-too-long", pl.col("value").str.contains(r"[^.]{64}")),
    ("numeric", pl.col("value").str.contains(r"(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$")),
    ("last-label-without-letter", ~pl.col("value").str.contains(r"[a-z][^.]*$")),
)


def canonicalize_names(texts: pl.Series) -> pl.DataFrame:
    """Return `value` (the canonical name or null) and `reason` (of a refusal, or null)."""
    frame = pl.DataFrame({"value": texts.cast(pl.String).str.strip_chars(WHITESPACE)})
    overlong = pl.col("value").str.len_chars() > MAX_UNICODE_LENGTH
    frame = frame.with_columns(
        value=pl.when(~overlong).then("value"),
        reason=pl.when(overlong).then(pl.lit("too-long")),
    )
    unicode = frame["value"].str.len_bytes() != frame["value"].str.len_chars()
    if unicode.any():
        frame = _encode_unicode_names(frame, unicode)
    frame = frame.with_columns(pl.col("value").str.to_lowercase().str.strip_suffix("."))
    first_reason = pl.coalesce(
        "reason", *(pl.when(is_broken).then(pl.lit(reason)) for reason, is_broken in _REFUSAL_RULES)
    )
    frame = frame.with_columns(reason=first_reason)
    return frame.with_columns(value=pl.when(pl.col("reason").is_null()).then("value"))


def _encode_unicode_names(frame: pl.DataFrame, unicode: pl.Series) -> pl.DataFrame:
    encoded = map_unique(frame["value"].filter(unicode), to_ascii)
    joined = frame.join(
        encoded, left_on="value", right_on="text", how="left", maintain_order="left"
    )
    is_refused = pl.col("refused").is_not_null()
    return joined.select(
        value=pl.when(~is_refused).then(pl.coalesce("mapped", "value")),
        reason=pl.coalesce("refused", "reason"),
    )


def name_sort_key_expr(name: pl.Expr) -> pl.Expr:
    """Return the sort key that keeps a domain together: labels reversed, each followed by a dot."""
    return name.str.split(".").list.reverse().list.join(".") + "."


def parent_name(name: pl.Expr) -> pl.Expr:
    """Return the name without its first label; null for a single label."""
    # Canonical names are ASCII, so offsets in bytes and in characters are equal.
    return name.str.slice(name.str.find(".", literal=True) + 1)


def expand_ancestors(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    """Return a row for each name of `column` and each of its ancestors, itself included.

    The columns are the frame's own, `ancestor`, and `steps` (0 for the name itself).
    """
    level = frame.with_columns(ancestor=pl.col(column), steps=pl.lit(0, pl.UInt8))
    levels = []
    while not level.is_empty():
        levels.append(level)
        level = level.with_columns(
            ancestor=parent_name(pl.col("ancestor")), steps=pl.col("steps") + 1
        ).drop_nulls("ancestor")
    return pl.concat(levels) if levels else level


def are_at_or_below(names: pl.Series, tops: pl.Series) -> pl.Series:
    """Return a mask of the names that are equal to or below one of `tops`."""
    mask = pl.zeros(len(names), pl.Boolean, eager=True)
    # A name without a dot is above all others; usually none of these is among the tops.
    min_dots = int(bool(tops.str.contains(".", literal=True).all()))
    dots = names.str.count_matches(".", literal=True)
    level = pl.DataFrame({"name": names, "dots": dots}).with_row_index("row")
    while not level.is_empty():
        is_top = level["name"].is_in(tops.implode())
        mask = mask.scatter(level["row"].filter(is_top), True)
        level = level.filter(~is_top & (pl.col("dots") > min_dots))
        level = level.select("row", parent_name(pl.col("name")), pl.col("dots") - 1)
    return mask
