"""Canonicalize columns of URLs and hosts: texts -> values, kinds or refusal reasons.

`blocklist.indicators.urls` defines the canonical form and cites its sources.

Most URLs of a feed are already canonical except for the case of scheme and host; these are
processed as columns. All others (ports, escapes, dot segments, Unicode, defanged or numeric hosts)
are processed by the scalar form, so both give the same result.
"""

import polars as pl

from blocklist.frames.map_unique import map_unique
from blocklist.frames.names import canonicalize_names
from blocklist.frames.networks import canonicalize_numeric_hosts
from blocklist.frames.schemas import KIND
from blocklist.indicators.names import MAX_LABEL_LENGTH, WHITESPACE
from blocklist.indicators.urls import MAX_URL_LENGTH, canonicalize_host, parse_url

_SAFE_CHARACTERS = r"A-Za-z0-9._~!$&()*+,;=:@%/-"
_PLAIN_URL = rf"^(?i-u:(https?)://)([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+)(/[{_SAFE_CHARACTERS}]*)?(\?[?{_SAFE_CHARACTERS}]+)?$"
_NEEDS_PARSER = r"(?i)/\.|/%2e|://[^/?]*xn--|\[|\(dot|\(\.\)"
# At least two labels, the last of which starts with a letter and so is not a number; and a path.
_CANONICAL_URL = rf"^https?://(?:[a-z0-9_-]+\.)+[a-z][a-z0-9_-]*/[{_SAFE_CHARACTERS}]*(?:\?[?{_SAFE_CHARACTERS}]+)?$"
# A host that is not longer than a label may be has no label that is too long.
_DOUBTFUL = rf"{_NEEDS_PARSER}|//[^/]{{{MAX_LABEL_LENGTH + 1}}}"


def canonicalize_urls(texts: pl.Series) -> pl.DataFrame:
    """Return `value` (the canonical URL or null) and `reason` (of a refusal, or null)."""
    frame = pl.DataFrame(
        {"text": texts, "value": _canonicalize_plain(texts.str.strip_chars(WHITESPACE))}
    )
    others = map_unique(
        frame.filter(pl.col("value").is_null())["text"], lambda url: parse_url(url).value
    )
    joined = frame.join(others, on="text", how="left", maintain_order="left")
    return joined.select(value=pl.coalesce("value", "mapped"), reason="refused")


def are_surely_canonical(texts: pl.Series) -> pl.Series:
    """Return which texts are certainly canonical URLs; others may be canonical too."""
    short = texts.str.len_bytes() < MAX_URL_LENGTH
    return short & texts.str.contains(_CANONICAL_URL) & ~texts.str.contains(_DOUBTFUL)


def _canonicalize_plain(texts: pl.Series) -> pl.Series:
    """Return the canonical URL of texts that need no parser, null for the others."""
    text = pl.col("text")
    # Adding a missing path makes the URL one character longer.
    is_plain = (text.str.len_chars() < MAX_URL_LENGTH) & ~text.str.contains(_NEEDS_PARSER)
    parts = pl.when(is_plain).then(text).str.extract_groups(_PLAIN_URL)
    frame = texts.alias("text").to_frame().select(parts).to_series().struct.unnest()
    scheme, path, query = (pl.col(group) for group in "134")
    return frame.select(
        pl.concat_str(
            scheme.str.to_lowercase(),
            pl.lit("://"),
            canonicalize_names(frame["2"])["value"],
            path.fill_null("/"),
            query.fill_null(""),
        )
    ).to_series()


def url_host(url: pl.Expr) -> pl.Expr:
    """Return the host of a canonical URL, IPv6 without its brackets."""
    # Splitting at the slashes takes a third of the time of a regular expression.
    authority = url.str.splitn("/", 4).struct.field("field_2").alias(url.meta.output_name())
    return authority.str.replace(r":[0-9]+$", "").str.strip_chars("[]")


def is_host_only(url: pl.Expr) -> pl.Expr:
    """Return whether a canonical URL has neither path nor query, and so is evidence on its host."""
    return url.str.contains(r"^https?://[^/]+/$")


def canonicalize_hosts(texts: pl.Series) -> pl.DataFrame:
    """Return `kind`, `value` and `reason` for each text; `value` is null where `reason` is not."""
    texts = texts.str.strip_chars(WHITESPACE)
    names = canonicalize_names(texts)
    has_colon = texts.str.contains(":", literal=True).fill_null(value=False)
    is_numeric = (names["reason"] == "numeric").fill_null(value=False)
    if is_numeric.any():
        names = _replace_rows(
            names, is_numeric, canonicalize_numeric_hosts(texts.filter(is_numeric))
        )
    if has_colon.any():
        names = _replace_rows(names, has_colon, _parse_ipv6_hosts(texts.filter(has_colon)))
    kind = pl.when(is_numeric | has_colon).then(pl.lit("ip")).otherwise(pl.lit("domain"))
    return names.select(kind.cast(KIND).alias("kind"), "value", "reason")


def _parse_ipv6_hosts(texts: pl.Series) -> pl.DataFrame:
    mapped = map_unique(texts, lambda text: canonicalize_host(text)[1])
    results = texts.alias("text").to_frame().join(mapped, on="text", maintain_order="left")
    return results.select(value="mapped", reason="refused")


def _replace_rows(frame: pl.DataFrame, mask: pl.Series, replacements: pl.DataFrame) -> pl.DataFrame:
    """Replace the rows of `mask` by other rows, given in the same order."""
    positions = mask.arg_true()
    return frame.select(
        frame[column].scatter(positions, replacements[column]) for column in ("value", "reason")
    )
