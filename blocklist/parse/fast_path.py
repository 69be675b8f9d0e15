"""Parse plain lines fast: lines that hold only a canonical name or URL -> indicators.

Most lines of most lists are such lines. One regular expression replaces some thirty column
operations of a format's `extract` and of canonicalisation.
"""

import re

import polars as pl

from blocklist.frames.schemas import INDICATORS, KIND, SCOPE
from blocklist.frames.urls import are_surely_canonical
from blocklist.indicators.names import MAX_LABEL_LENGTH
from blocklist.model import Kind
from blocklist.parse.format import FastPath, Format
from blocklist.parse.options import ParseOptions

# More labels than one, the last of which starts with a letter and so is no number.
_CANONICAL_NAME = r"(?:[a-z0-9_-]+\.)+[a-z][a-z0-9_-]*"


def split_fast_path(
    lines: pl.DataFrame, known: Format, options: ParseOptions
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the indicators (schema `INDICATORS`) of plain lines, and the lines that are left."""
    plain = known.fast_path
    # A comment mark of the feed's own could be anything, and a limit counts lines in their order.
    if plain is None or options.comment is not None or options.rank_limit is not None:
        return INDICATORS.to_frame(), lines
    text = lines["text"]
    link = plain.kind is Kind.URL
    is_plain = are_surely_canonical(text) if link else _is_plain_name(text, plain)
    scope = plain.scope if link else options.scope or plain.scope
    found = lines.filter(is_plain).select(
        pl.lit(plain.kind.value, KIND).alias("kind"),
        _strip_affixes(plain).alias("value"),
        pl.lit(scope.value, SCOPE).alias("scope"),
        "line",
    )
    # A copy of a column shares its memory; the name made twice would not.
    found = found.with_columns(evidence="value").select(INDICATORS.names())
    return found, lines.filter(~is_plain)


def _is_plain_name(text: pl.Series, plain: FastPath) -> pl.Series:
    """Return which texts are a name with nothing else to it."""
    form = f"^{re.escape(plain.prefix)}{_CANONICAL_NAME}{re.escape(plain.suffix)}$"
    # A name that is no longer than a label may be has no label that is too long.
    room = MAX_LABEL_LENGTH + len(plain.prefix) + len(plain.suffix)
    return text.str.contains(form) & (text.str.len_bytes() <= room)


def _strip_affixes(plain: FastPath) -> pl.Expr:
    """Return what plain lines have between what stands before and after it."""
    after = pl.col("text").str.slice(len(plain.prefix))
    return after.str.head(-len(plain.suffix)) if plain.suffix else after
