"""Plain names, one a line; `*.x` and `.x` mean the subtree, a number is an address."""

import polars as pl

from blocklist.model import Scope
from blocklist.parse.format import (
    Format,
    Options,
    Plain,
    cut,
    refanged,
    scope_as_written,
    without_wildcard,
)
from blocklist.parse.lines import without_trailing_comment


def names(frame: pl.DataFrame, plain: Scope) -> pl.DataFrame:
    """Return the name of each line; one without a wildcard mark covers `plain`."""
    written = without_trailing_comment(pl.col("text"))
    rows = frame.with_columns(text=refanged(written), seen=without_wildcard(written))
    text = pl.col("text")
    return cut(
        rows,
        token=without_wildcard(text),
        scope=scope_as_written(text, plain),
        reason=pl.when(text.str.contains(r"\s")).then(pl.lit("several-words")),
    )


def _tokens(frame: pl.DataFrame, _options: Options) -> pl.DataFrame:
    return names(frame, Scope.EXACT)


FORMAT = Format("domains", _tokens, plain=Plain())
