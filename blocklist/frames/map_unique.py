"""Map a column's distinct values by a scalar function: texts -> results or refusal reasons.

This is the only place where column code runs Python row by row.
"""

from collections.abc import Callable

import polars as pl

from blocklist.errors import InvalidIndicator

_RESULT_SCHEMA = pl.Schema({"text": pl.String, "mapped": pl.String, "refused": pl.String})


def map_unique(texts: pl.Series, function: Callable[[str], str]) -> pl.DataFrame:
    """Return a row for each different `text`: what the function gave, or why it `refused`.

    Meant for rows that are rare in a feed, to be joined back: this is Python, row by row.
    """
    rows = [(text, *_call_function(text, function)) for text in texts.drop_nulls().unique()]
    return pl.DataFrame(rows, schema=_RESULT_SCHEMA, orient="row")


def _call_function(text: str, function: Callable[[str], str]) -> tuple[str | None, str | None]:
    try:
        return function(text), None
    except InvalidIndicator as refused:
        return None, refused.reason
