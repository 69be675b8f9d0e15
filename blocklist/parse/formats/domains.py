"""Parse plain names, one a line -> tokens; `*.x` and `.x` mean the subtree."""

import polars as pl

from blocklist.model import Scope
from blocklist.parse.format import (
    FastPath,
    Format,
    make_tokens,
    refang_column,
    scope_as_written,
    strip_wildcard,
)
from blocklist.parse.lines import strip_trailing_comment
from blocklist.parse.options import ParseOptions


def extract_name_tokens(frame: pl.DataFrame, plain: Scope) -> pl.DataFrame:
    """Return the name of each line; one without a wildcard mark covers `plain`."""
    written = strip_trailing_comment(pl.col("text"))
    rows = frame.with_columns(text=refang_column(written), seen=strip_wildcard(written))
    text = pl.col("text")
    return make_tokens(
        rows,
        token=strip_wildcard(text),
        scope=scope_as_written(text, plain),
        reason=pl.when(text.str.contains(r"\s")).then(pl.lit("several-words")),
    )


def _extract_tokens(frame: pl.DataFrame, _options: ParseOptions) -> pl.DataFrame:
    return extract_name_tokens(frame, Scope.EXACT)


FORMAT = Format("domains", _extract_tokens, fast_path=FastPath())
