"""Separated columns, one of which holds names, addresses, networks or URLs, in quotes or not."""

import polars as pl

from blocklist.model import Scope
from blocklist.parse.format import Format, Options, cut, scope_as_written, without_wildcard

_URL = r"(?i)^https?://"
_NETWORK = r"^[0-9a-fA-F:.]+/[0-9]{1,3}$"


def _tokens(frame: pl.DataFrame, options: Options) -> pl.DataFrame:
    fields = _fields(frame["text"], options.separator)
    field = fields.list.get(options.column - 1, null_on_oob=True).str.strip_chars(' \t"')
    text = pl.col("field")
    url = pl.when(text.str.contains(_URL)).then(pl.lit("url"))
    network = url.when(text.str.contains(_NETWORK)).then(pl.lit("ip"))
    return cut(
        frame.with_columns(field=field),
        token=pl.coalesce(without_wildcard(text), "text"),
        read=network.otherwise(pl.lit("host")),
        scope=scope_as_written(text, Scope.EXACT),
        reason=pl.when(text.is_null()).then(pl.lit("no-such-column")),
    )


def _fields(texts: pl.Series, separator: str) -> pl.Series:
    """Return the fields of each line; a separator between quotes separates nothing."""
    if not texts.str.contains('"', literal=True).any():
        return texts.str.split(separator)
    mark = pl.escape_regex(separator)
    field = rf'{mark}(?:\s*"(?:[^"]|"")*"[^{mark}]*|[^{mark}]*)'
    fields = (separator + texts).str.extract_all(field)
    return fields.list.eval(pl.element().str.strip_prefix(separator))


FORMAT = Format("csv", _tokens, detectable=False)
