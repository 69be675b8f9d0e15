"""Parse URLs, one a line, defanged or not -> tokens; `x/path` and `x:port` are read as http."""

import polars as pl

from blocklist.model import Kind
from blocklist.parse.any_kind import URL_SCHEME
from blocklist.parse.format import FastPath, Format, make_tokens, refang_column
from blocklist.parse.lines import strip_trailing_comment
from blocklist.parse.options import ParseOptions


def _extract_tokens(frame: pl.DataFrame, _options: ParseOptions) -> pl.DataFrame:
    text = strip_trailing_comment(pl.col("text"), r"#")
    rows = frame.with_columns(text=text, seen=text)
    text = pl.col("text")
    has_scheme = text.str.contains(URL_SCHEME)
    has_path = ~has_scheme & text.str.contains(
        r"^[^\s/]+/|^(?:[^\s/:]+|\[[0-9a-fA-F:.]+\]):[0-9]{1,5}$"
    )
    return make_tokens(
        rows,
        token=pl.when(has_scheme | has_path).then(text).otherwise(refang_column(text)),
        read=pl.when(has_scheme)
        .then(pl.lit("url"))
        .when(has_path)
        .then(pl.lit("schemeless-url"))
        .otherwise(pl.lit("host")),
    )


FORMAT = Format("urls", _extract_tokens, detection_rank=80, fast_path=FastPath(kind=Kind.URL))
