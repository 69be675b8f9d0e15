"""Map a column's distinct values by a scalar function: texts -> results or refusal reasons.

This is the only place where column code runs Python row by row.
"""

from collections.abc import Callable

import polars as pl

from blocklist.errors import InvalidIndicator

_RESULT_SCHEMA = pl.Schema({"text": pl.String, "mapped": pl.String, "refused": pl.String})


def map_unique(texts: pl.Series, function: Callable[[str], str]) -> pl.DataFrame:
    """Return a row for each distinct `text`: the result in `mapped`, or the reason in `refused`.

    For rows that are rare in a feed; the caller joins the result to its column.
    """
    rows = [(text, *_call_function(text, function)) for text in texts.drop_nulls().unique()]
    return pl.DataFrame(rows, schema=_RESULT_SCHEMA, orient="row")


def _call_function(text: str, function: Callable[[str], str]) -> tuple[str | None, str | None]:
    try:
        return function(text), None
    except InvalidIndicator as refusal:
        return None, refusal.reason
