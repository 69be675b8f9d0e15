"""Prepare candidates for the judge: listings -> names and networks with scores.

A score is a noisy-or over the independent sources that list a value (`scoring.electorate`).
"""

import polars as pl

from blocklist.frames.public_suffixes import PublicSuffixes
from blocklist.frames.schemas import KIND
from blocklist.frames.urls import is_host_only, url_host
from blocklist.judge.scoring.electorate import FeedGroups
from blocklist.judge.scoring.feed_sets import build_feed_bitsets, score_bitsets
from blocklist.model import Kind, Scope


def derive_host_listings(listings: pl.DataFrame) -> pl.DataFrame:
    """Return the hosts of listed URLs: `feed`, `kind`, `value`, `scope`, `whole`, `url`.

    `whole` is true for a URL without a path, which is evidence against its host. A URL with a path
    is evidence against one page only.
    """
    url = pl.col("value")
    hosts = listings.filter(pl.col("kind") == Kind.URL.value).select(
        "feed",
        value=url_host(url),
        scope=pl.lit(Scope.EXACT.value, listings.schema["scope"]),
        whole=is_host_only(url),
        url=url,
    )
    is_address = pl.col("value").str.contains(r"^[0-9.]+$|:")
    kind = pl.when(is_address).then(pl.lit(Kind.IP.value)).otherwise(pl.lit(Kind.DOMAIN.value))
    return hosts.with_columns(kind=kind.cast(KIND))


def score_listings(listings: pl.DataFrame, groups: FeedGroups) -> pl.DataFrame:
    """Return one row a value with its scores, each null if no feed lists that part.

    `listings` has `feed`, `value`, `scope` and `whole`; all its feeds are in `groups`. The result
    has `value`, `here` (the score of the value itself), `below` (of everything below it) and `wide`
    (of the feeds that list the host itself, not only pages on it).
    """
    parts = {
        "here": pl.col("scope") != Scope.BELOW.value,
        "below": pl.col("scope") != Scope.EXACT.value,
        "wide": pl.col("whole"),
    }
    feeds = groups.ordered_feeds
    bitsets, columns = build_feed_bitsets(listings, pl.Series(feeds, dtype=pl.String), parts)
    scores = {
        part: score_bitsets(bitsets, columns[part], feeds, groups.score_feeds) for part in parts
    }
    return bitsets.select("value", **scores)


def build_name_candidates(
    listings: pl.DataFrame, groups: FeedGroups, suffixes: PublicSuffixes, *, widen: bool
) -> pl.DataFrame:
    """Return the names to judge: `value`, `registrable`, the scores, and `widened`.

    With `widen`, a listing of a registrable domain covers everything below it, because the owner of
    the domain commits the fraud. A page is no evidence against the rest of its host, so URLs with a
    path never widen.
    """
    frame = score_listings(listings, groups)
    frame = frame.with_columns(registrable=suffixes.registrable_domains(frame["value"]))
    is_registrable = (pl.col("registrable") == pl.col("value")).fill_null(value=False) & widen
    return frame.with_columns(
        widened=is_registrable & pl.col("below").is_null() & pl.col("wide").is_not_null(),
        below=pl.when(is_registrable).then("wide").otherwise("below"),
    )
