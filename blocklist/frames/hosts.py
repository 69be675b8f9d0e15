"""Canonicalize columns of hosts: texts -> kind, value and refusal reason of each."""

import polars as pl

from blocklist.frames.map_unique import map_unique
from blocklist.frames.names import canonicalize_names
from blocklist.frames.networks import canonicalize_numeric_hosts
from blocklist.frames.schemas import KIND
from blocklist.indicators.names import WHITESPACE
from blocklist.indicators.urls import canonicalize_host


def canonicalize_hosts(texts: pl.Series) -> pl.DataFrame:
    """Return `kind`, `value` and `reason` for each text; `value` is null where `reason` is not."""
    texts = texts.str.strip_chars(WHITESPACE)
    found = canonicalize_names(texts)
    colon = texts.str.contains(":", literal=True).fill_null(value=False)
    number = (found["reason"] == "numeric").fill_null(value=False)
    if number.any():
        found = _replace_rows(found, number, canonicalize_numeric_hosts(texts.filter(number)))
    if colon.any():
        found = _replace_rows(found, colon, _parse_ipv6_hosts(texts.filter(colon)))
    kind = pl.when(number | colon).then(pl.lit("ip")).otherwise(pl.lit("domain"))
    return found.select(kind.cast(KIND).alias("kind"), "value", "reason")


def _parse_ipv6_hosts(texts: pl.Series) -> pl.DataFrame:
    known = map_unique(texts, lambda text: canonicalize_host(text)[1])
    answers = texts.alias("text").to_frame().join(known, on="text", maintain_order="left")
    return answers.select(value="mapped", reason="refused")


def _replace_rows(found: pl.DataFrame, rows: pl.Series, answers: pl.DataFrame) -> pl.DataFrame:
    """Put the answers in the place of the rows, which they match in order."""
    place = rows.arg_true()
    return found.select(
        found[column].scatter(place, answers[column]) for column in ("value", "reason")
    )
