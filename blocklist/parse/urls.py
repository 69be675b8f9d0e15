"""URLs, one a line, defanged or not; `x/path` and `x:port` are taken for http, `x` for a host."""

import polars as pl

from blocklist.model import Kind
from blocklist.parse.format import Format, Options, Plain, cut, refanged
from blocklist.parse.lines import without_trailing_comment
from blocklist.parse.mixed import SCHEMED


def _tokens(frame: pl.DataFrame, _options: Options) -> pl.DataFrame:
    text = without_trailing_comment(pl.col("text"), r"#")
    rows = frame.with_columns(text=text, seen=text)
    text = pl.col("text")
    schemed = text.str.contains(SCHEMED)
    pathed = ~schemed & text.str.contains(r"^[^\s/]+/|^(?:[^\s/:]+|\[[0-9a-fA-F:.]+\]):[0-9]{1,5}$")
    return cut(
        rows,
        token=pl.when(schemed)
        .then(text)
        .when(pathed)
        .then("http://" + text)
        .otherwise(refanged(text)),
        read=pl.when(schemed | pathed).then(pl.lit("url")).otherwise(pl.lit("host")),
    )


FORMAT = Format("urls", _tokens, plain=Plain(kind=Kind.URL))
