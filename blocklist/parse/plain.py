"""The lines that hold a canonical name and nothing else to it, which most lines of most lists are.

What a format's `tokens` and the canonical form would make of them is plain to see, so they take a
short way: one regular expression in place of some thirty looks at each line.
"""

import re

import polars as pl

from blocklist.columns.schema import INDICATORS, KIND, SCOPE
from blocklist.model import Kind
from blocklist.names import MAX_LABEL
from blocklist.parse.format import Format, Options

# More labels than one, the last of which starts with a letter and so is no number.
_NAME = r"(?:[a-z0-9_-]+\.)+[a-z][a-z0-9_-]*"


def plainly(
    lines: pl.DataFrame, known: Format, options: Options
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the indicators (schema `INDICATORS`) of plain lines, and the lines that are left."""
    plain = known.plain
    # A comment mark of the feed's own could be anything, and a limit counts lines in their order.
    if plain is None or options.comment is not None or options.rank_limit is not None:
        return INDICATORS.to_frame(), lines
    form = f"^{re.escape(plain.before)}{_NAME}{re.escape(plain.after)}$"
    # A name that is no longer than a label may be has no label that is too long.
    room = MAX_LABEL + len(plain.before) + len(plain.after)
    text = lines["text"]
    is_plain = text.str.contains(form) & (text.str.len_bytes() <= room)
    name = pl.col("text").str.strip_prefix(plain.before).str.strip_suffix(plain.after)
    scope = options.scope or plain.scope
    found = lines.filter(is_plain).select(
        pl.lit(Kind.DOMAIN.value, KIND).alias("kind"),
        name.alias("value"),
        pl.lit(scope.value, SCOPE).alias("scope"),
        "line",
    )
    # A copy of a column shares its memory; the name made twice would not.
    found = found.with_columns(evidence="value").select(INDICATORS.names())
    return found, lines.filter(~is_plain)
