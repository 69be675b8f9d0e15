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
    """Return the hosts that URLs speak of: `feed`, `kind`, `value`, `scope`, `whole`, `url`.

    `whole` tells a URL without a path, which speaks of its host, from one that speaks of a page.
    """
    url = pl.col("value")
    found = listings.filter(pl.col("kind") == Kind.URL.value).select(
        "feed",
        value=url_host(url),
        scope=pl.lit(Scope.EXACT.value, listings.schema["scope"]),
        whole=is_host_only(url),
        url=url,
    )
    address = pl.col("value").str.contains(r"^[0-9.]+$|:")
    kind = pl.when(address).then(pl.lit(Kind.IP.value)).otherwise(pl.lit(Kind.DOMAIN.value))
    return found.with_columns(kind=kind.cast(KIND))


def score_listings(listings: pl.DataFrame, electorate: FeedGroups) -> pl.DataFrame:
    """Return one row a value with its scores, each null where nobody lists that part.

    `listings` has `feed`, `value`, `scope` and `whole`; all its feeds are of the electorate.
    The result: `value`, `here` (the score of the value itself), `below` (of all below it) and
    `wide` (of those who list the host and not just pages on it).
    """
    parts = {
        "here": pl.col("scope") != Scope.BELOW.value,
        "below": pl.col("scope") != Scope.EXACT.value,
        "wide": pl.col("whole"),
    }
    feeds = electorate.ordered_feeds
    said, columns = build_feed_bitsets(listings, pl.Series(feeds, dtype=pl.String), parts)
    scores = {
        part: score_bitsets(said, columns[part], feeds, electorate.score_feeds) for part in parts
    }
    return said.select("value", **scores)


def build_name_candidates(
    listings: pl.DataFrame, electorate: FeedGroups, suffixes: PublicSuffixes, *, widen: bool
) -> pl.DataFrame:
    """Return the names to be judged: `value`, `registrable`, the scores, and `widened`.

    With `widen`, whoever lists a registrable domain as such lists all below it: the owner is the
    fraud. A page on a host says nothing about the rest of it, so URLs with a path never widen.
    """
    frame = score_listings(listings, electorate)
    frame = frame.with_columns(registrable=suffixes.registrable_domains(frame["value"]))
    owned = (pl.col("registrable") == pl.col("value")).fill_null(value=False) & widen
    return frame.with_columns(
        widened=owned & pl.col("below").is_null() & pl.col("wide").is_not_null(),
        below=pl.when(owned).then("wide").otherwise("below"),
    )
