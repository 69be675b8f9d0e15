"""The one door from a column to a function for single values, for the few rows that need it."""

from collections.abc import Callable

import polars as pl

from blocklist.errors import Refused

_SCHEMA = pl.Schema({"text": pl.String, "mapped": pl.String, "refused": pl.String})


def mapped(texts: pl.Series, function: Callable[[str], str]) -> pl.DataFrame:
    """Return a row for each different `text`: what the function gave, or why it `refused`.

    Meant for rows that are rare in a feed, to be joined back: this is Python, row by row.
    """
    rows = [(text, *_answer(text, function)) for text in texts.drop_nulls().unique()]
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def _answer(text: str, function: Callable[[str], str]) -> tuple[str | None, str | None]:
    try:
        return function(text), None
    except Refused as refused:
        return None, refused.reason
