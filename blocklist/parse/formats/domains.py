"""Parse plain names, one a line -> tokens; `*.x` and `.x` cover the subtree."""

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


def extract_name_tokens(frame: pl.DataFrame, plain_scope: Scope) -> pl.DataFrame:
    """Return the name of each line; a name without a wildcard mark has the plain scope."""
    written = strip_trailing_comment(pl.col("text"))
    rows = frame.with_columns(text=refang_column(written), seen=strip_wildcard(written))
    text = pl.col("text")
    return make_tokens(
        rows,
        token=strip_wildcard(text),
        scope=scope_as_written(text, plain_scope),
        reason=pl.when(text.str.contains(r"\s")).then(pl.lit("several-words")),
    )


def _extract_tokens(frame: pl.DataFrame, _options: ParseOptions) -> pl.DataFrame:
    return extract_name_tokens(frame, Scope.EXACT)


FORMAT = Format("domains", _extract_tokens, detection_rank=60, fast_path=FastPath())
