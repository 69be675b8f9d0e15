"""Parse plain lines fast: lines that hold only a canonical name or URL -> indicators.

Most lines of most lists are plain. One regular expression replaces some thirty column operations of
a format's `extract` and of canonicalization.
"""

import re

import polars as pl

from blocklist.frames.schemas import INDICATORS, KIND, SCOPE
from blocklist.frames.urls import are_surely_canonical
from blocklist.indicators.names import MAX_LABEL_LENGTH
from blocklist.model import Kind
from blocklist.parse.format import FastPath, Format
from blocklist.parse.options import ParseOptions

# Two labels or more; the last one starts with a letter, so the name is no address.
_CANONICAL_NAME = r"(?:[a-z0-9_-]+\.)+[a-z][a-z0-9_-]*"


def split_fast_path(
    lines: pl.DataFrame, format_: Format, options: ParseOptions
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the indicators (schema `INDICATORS`) of plain lines, and the other lines."""
    form = format_.fast_path
    # A feed's own comment mark could match a plain line, and a rank limit counts lines in order.
    if form is None or options.comment is not None or options.rank_limit is not None:
        return INDICATORS.to_frame(), lines
    text = lines["text"]
    is_url = form.kind is Kind.URL
    is_plain = are_surely_canonical(text) if is_url else _are_plain_names(text, form)
    scope = form.scope if is_url else options.scope or form.scope
    indicators = lines.filter(is_plain).select(
        pl.lit(form.kind.value, KIND).alias("kind"),
        _strip_affixes(form).alias("value"),
        pl.lit(scope.value, SCOPE).alias("scope"),
        "line",
    )
    # A copy of a column shares its memory; computing the name twice would not.
    indicators = indicators.with_columns(evidence="value").select(INDICATORS.names())
    return indicators, lines.filter(~is_plain)


def _are_plain_names(text: pl.Series, form: FastPath) -> pl.Series:
    """Return a mask of the texts that are a name in this form."""
    pattern = f"^{re.escape(form.prefix)}{_CANONICAL_NAME}{re.escape(form.suffix)}$"
    # In a name that is no longer than one label may be, no label is too long.
    max_length = MAX_LABEL_LENGTH + len(form.prefix) + len(form.suffix)
    return text.str.contains(pattern) & (text.str.len_bytes() <= max_length)


def _strip_affixes(form: FastPath) -> pl.Expr:
    """Return the texts of plain lines without prefix and suffix."""
    rest = pl.col("text").str.slice(len(form.prefix))
    return rest.str.head(-len(form.suffix)) if form.suffix else rest
