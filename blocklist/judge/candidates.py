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
    (of the feeds that list the host itself, not only pages on it). If the listings have `widens`,
    `widening` is the score of the listings that cover everything below, or may be widened to it.
    """
    parts = {
        "here": pl.col("scope") != Scope.BELOW.value,
        "below": pl.col("scope") != Scope.EXACT.value,
        "wide": pl.col("whole"),
    }
    if "widens" in listings.columns:
        parts["widening"] = parts["below"] | pl.col("widens")
    feeds = groups.ordered_feeds
    bitsets, columns = build_feed_bitsets(listings, pl.Series(feeds, dtype=pl.String), parts)
    scores = {
        part: score_bitsets(bitsets, columns[part], feeds, groups.score_feeds) for part in parts
    }
    return bitsets.select("value", **scores)


def build_name_candidates(
    listings: pl.DataFrame,
    exempting: pl.DataFrame,
    groups: FeedGroups,
    suffixes: PublicSuffixes,
    *,
    widen: bool,
) -> pl.DataFrame:
    """Return the names to judge: `value`, `registrable`, the scores, and `widened`.

    With `widen`, a listing of a registrable domain covers everything below it, because the owner of
    the domain commits the fraud. A page is no evidence against the rest of its host, so URLs with a
    path never widen, and neither do listings whose feed exempts a name below them (`exempting`).
    """
    widening = "wide"
    if not exempting.is_empty():
        listings, widening = _mark_widening(listings, exempting), "widening"
    frame = score_listings(listings, groups)
    frame = frame.with_columns(registrable=suffixes.registrable_domains(frame["value"]))
    is_registrable = (pl.col("registrable") == pl.col("value")).fill_null(value=False) & widen
    return frame.with_columns(
        widened=is_registrable & pl.col("below").is_null() & pl.col(widening).is_not_null(),
        below=pl.when(is_registrable).then(widening).otherwise("below"),
    ).drop("widening", strict=False)


def _mark_widening(listings: pl.DataFrame, exempting: pl.DataFrame) -> pl.DataFrame:
    """Add `widens`: whether a listing is of a whole host below which its feed exempts nothing."""
    may_exempt = pl.col("value").is_in(exempting["value"].implode())
    marked = listings.filter(may_exempt).join(
        exempting.with_columns(exempts=pl.lit(value=True)), on=["feed", "value"], how="left"
    )
    widens = pl.col("whole") & pl.col("exempts").is_null()
    parts = [listings.filter(~may_exempt).with_columns(widens="whole")]
    return pl.concat([*parts, marked.with_columns(widens=widens).drop("exempts")])
