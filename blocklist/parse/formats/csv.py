"""Parse separated columns: lines -> tokens from one column, quoted or not.

Source: RFC 4180, with one exception: a quoted field ends on its line. Feeds keep one row per line,
and one stray quote would swallow the rest of the file. The header row may be in a comment, as
abuse.ch writes it.
"""

import polars as pl

from blocklist.frames.schemas import SCOPE
from blocklist.model import Scope
from blocklist.parse.any_kind import extract_any_kind
from blocklist.parse.format import Format, split_plain_lines
from blocklist.parse.options import ParseOptions
from blocklist.parse.reasons import BEYOND_LIMIT

#: The header row is searched in so many lines.
_HEADER_SEARCH_LINES = 1000
_COMMENT_MARK = r"^(?:#|!|;|//)\s*"


def _split_lines(text: bytes, options: ParseOptions) -> pl.DataFrame:
    """Return the lines, each with the header row if columns are selected by name."""
    lines = split_plain_lines(text, options)
    header = options.state[0] if options.state else _find_header(lines, options)
    return lines.with_columns(header=pl.lit(header, pl.String))


def _next_state(lines: pl.DataFrame, options: ParseOptions) -> tuple[str | None, ...]:
    header: str | None = lines["header"].to_list()[0] if lines.height else None
    return options.state or (header,)


def _find_header(lines: pl.DataFrame, options: ParseOptions) -> str | None:
    """Return the first row that has all column names in the options."""
    names = {
        name
        for name in (options.column_name, options.scope_column, *_parse_filters(options))
        if not _is_number(name)
    }
    rows = (
        lines["text"].head(_HEADER_SEARCH_LINES).str.replace(_COMMENT_MARK, "").to_list()
        if names - {""}
        else []
    )
    return next((row for row in rows if names - {""} <= {*_split_header(row, options)}), None)


def _split_header(row: str, options: ParseOptions) -> list[str]:
    return _strip_quotes(_split_fields(pl.Series([row]), options.separator).explode()).to_list()


def _extract_tokens(frame: pl.DataFrame, options: ParseOptions) -> pl.DataFrame:
    fields = _split_fields(frame["text"], options.separator)
    header = frame["header"].drop_nulls().head(1).to_list()
    names = _split_header(header[0], options) if header else []
    column = options.column_name or str(options.column)
    rows = frame.with_columns(text=_select_column(fields, column, names))
    is_selected = pl.Series("is_selected", [True]).new_from_index(0, frame.height)
    for name, values in _parse_filters(options).items():
        is_selected &= _select_column(fields, name, names).is_in(values).fill_null(value=False)
    reason = (
        pl.when(pl.Series(frame["text"] == frame["header"]))
        .then(pl.lit("header"))
        .when(~is_selected)
        .then(pl.lit("filtered"))
        .when(pl.col("text").is_null())
        .then(pl.lit("no-such-column"))
    )
    if options.rank_column is not None:
        ranks = _parse_ranks(_select_column(fields, str(options.rank_column), names))
        reasons = pl.coalesce(reason, _refuse_ranks(ranks, options.rank_limit))
        return extract_any_kind(rows, reasons).with_columns(ranks)
    if not options.scope_column:
        return extract_any_kind(rows, reason)
    scopes = _select_column(fields, options.scope_column, names)
    is_scope = scopes.is_in([scope.value for scope in Scope]).fill_null(value=False)
    reason = reason.when(pl.Series(~is_scope)).then(pl.lit("unknown-scope"))
    tokens = extract_any_kind(rows, reason)
    return tokens.with_columns(scope=scopes.set(~is_scope, Scope.EXACT.value).cast(SCOPE))


def _parse_ranks(texts: pl.Series) -> pl.Series:
    """Return whole numbers as ranks; null for everything else, and for numbers above 32 bits."""
    digits = texts.str.extract(r"^\s*([0-9]+)\s*$")
    return digits.cast(pl.UInt32, strict=False).alias("rank")


def _refuse_ranks(ranks: pl.Series, limit: int | None) -> pl.Expr:
    """Return why a row is not read because of its rank, or null."""
    rank = pl.lit(ranks)
    is_beyond = pl.lit(value=False) if limit is None else rank > limit
    return (
        pl.when(rank.is_null() | (rank == 0))
        .then(pl.lit("bad-rank"))
        .when(is_beyond)
        .then(pl.lit(BEYOND_LIMIT))
    )


def _parse_filters(options: ParseOptions) -> dict[str, list[str]]:
    """Return the selected values of each column that has a filter."""
    values: dict[str, list[str]] = {}
    for rule in options.filters:
        name, _, value = rule.partition("=")
        values.setdefault(name.strip(), []).append(value.strip())
    return values


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdecimal()


def _select_column(fields: pl.Series, name: str, names: list[str]) -> pl.Series:
    """Return a column by its name or its number from 1; null where a row has no such column."""
    index = names.index(name) if name in names else int(name) - 1 if _is_number(name) else -1
    if index < 0:
        return pl.Series([None], dtype=pl.String).new_from_index(0, len(fields))
    return _strip_quotes(fields.list.get(index, null_on_oob=True))


def _split_fields(texts: pl.Series, separator: str) -> pl.Series:
    """Return the fields of each line; a separator inside quotes does not split."""
    if not texts.str.contains('"', literal=True).any():
        return texts.str.split(separator)
    mark = pl.escape_regex(separator)
    field = rf'{mark}(?:\s*"(?:[^"]|"")*"[^{mark}]*|[^{mark}]*)'
    fields = (separator + texts).str.extract_all(field)
    return fields.list.eval(pl.element().str.strip_prefix(separator))


def _strip_quotes(fields: pl.Series) -> pl.Series:
    """Return fields without surrounding quotes, and with `""` inside replaced by one quote."""
    inner = fields.str.strip_chars(" \t").str.replace(r'^"(.*)"$', "$1").str.strip_chars(" \t")
    return inner.str.replace_all('""', '"', literal=True)


FORMAT = Format(
    "csv", _extract_tokens, split_lines=_split_lines, next_state=_next_state, may_be_json=True
)
