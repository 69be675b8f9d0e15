"""Separated columns, one of which holds names, addresses or URLs; quotes around a field are cut."""

import polars as pl

from blocklist.model import Scope
from blocklist.parse.format import Format, Options, cut, scope_as_written, without_wildcard


def _tokens(frame: pl.DataFrame, options: Options) -> pl.DataFrame:
    fields = pl.col("text").str.split(options.separator)
    field = fields.list.get(options.column - 1, null_on_oob=True).str.strip_chars(' \t"')
    rows = frame.with_columns(field=field)
    text = pl.col("field")
    url = text.str.contains(r"(?i)^https?://")
    return cut(
        rows,
        token=pl.coalesce(without_wildcard(text), "text"),
        read=pl.when(url).then(pl.lit("url")).otherwise(pl.lit("host")),
        scope=scope_as_written(text, Scope.EXACT),
        reason=pl.when(text.is_null()).then(pl.lit("no-such-column")),
    )


FORMAT = Format("csv", _tokens, detectable=False)
