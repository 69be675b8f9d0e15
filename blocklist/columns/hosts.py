"""Hosts in bulk: a name, or an address as browsers read it; `urls.host_of` is the scalar form."""

import polars as pl

from blocklist.columns import names, networks
from blocklist.columns.scalar import mapped
from blocklist.columns.schema import KIND
from blocklist.names import SPACE
from blocklist.urls import host_of


def canonical(texts: pl.Series) -> pl.DataFrame:
    """Return `kind`, `value` and `reason` for each text; `value` is null where `reason` is not."""
    texts = texts.str.strip_chars(SPACE)
    found = names.canonical(texts)
    colon = texts.str.contains(":", literal=True).fill_null(value=False)
    number = (found["reason"] == "numeric").fill_null(value=False)
    if number.any():
        found = _replaced(found, number, networks.canonical_hosts(texts.filter(number)))
    if colon.any():
        found = _replaced(found, colon, _ipv6(texts.filter(colon)))
    kind = pl.when(number | colon).then(pl.lit("ip")).otherwise(pl.lit("domain"))
    return found.select(kind.cast(KIND).alias("kind"), "value", "reason")


def _ipv6(texts: pl.Series) -> pl.DataFrame:
    known = mapped(texts, lambda text: host_of(text)[1])
    answers = texts.alias("text").to_frame().join(known, on="text", maintain_order="left")
    return answers.select(value="mapped", reason="refused")


def _replaced(found: pl.DataFrame, rows: pl.Series, answers: pl.DataFrame) -> pl.DataFrame:
    """Put the answers in the place of the rows, which they match in order."""
    place = rows.arg_true()
    return found.select(
        found[column].scatter(place, answers[column]) for column in ("value", "reason")
    )
