"""From listings to candidates: what each name and network is listed as, and how far to believe it.

The score is a noisy-or of the reliabilities of the feeds that list a thing, each feed one voice.
"""

import polars as pl

from blocklist.columns import urls
from blocklist.columns.schema import KIND
from blocklist.columns.suffixes import Suffixes
from blocklist.model import Kind, Scope

_DOUBT = (1 - pl.col("reliability")).product()


def hosts_of_urls(listings: pl.DataFrame) -> pl.DataFrame:
    """Return the hosts that URLs speak of: `feed`, `kind`, `value`, `scope`, `whole`.

    `whole` tells a URL without a path, which speaks of its host, from one that speaks of a page.
    """
    url = pl.col("value")
    found = listings.filter(pl.col("kind") == Kind.URL.value).select(
        "feed",
        value=urls.host(url),
        scope=pl.lit(Scope.EXACT.value, listings.schema["scope"]),
        whole=urls.names_whole_host(url),
    )
    address = pl.col("value").str.contains(r"^[0-9.]+$|:")
    kind = pl.when(address).then(pl.lit(Kind.IP.value)).otherwise(pl.lit(Kind.DOMAIN.value))
    return found.with_columns(kind=kind.cast(KIND))


def scored(listings: pl.DataFrame, reliability: pl.DataFrame) -> pl.DataFrame:
    """Return one row a value with a score for the value itself and one for all below it.

    `listings` has `feed`, `value`, `scope` and `whole`; `reliability` has `feed`, `reliability`.
    The result: `value`, `here` and `below` (scores, null where nobody lists that part), `whole`
    (whether anyone lists the host and not just pages on it) and `direct` (the score of those).
    """
    covers_here = pl.col("scope") != Scope.BELOW.value
    covers_below = pl.col("scope") != Scope.EXACT.value
    voices = (
        listings.group_by("feed", "value")
        .agg(here=covers_here.any(), below=covers_below.any(), whole=pl.col("whole").any())
        .join(reliability, on="feed")
    )
    return (
        voices.group_by("value")
        .agg(
            here=(1 - pl.col("reliability").filter("here")).product(),
            below=(1 - pl.col("reliability").filter("below")).product(),
            direct=(1 - pl.col("reliability").filter(pl.col("here") & pl.col("whole"))).product(),
            listed_here=pl.col("here").any(),
            listed_below=pl.col("below").any(),
            whole=pl.col("whole").any(),
        )
        .select(
            "value",
            "whole",
            here=pl.when("listed_here").then(1 - pl.col("here")),
            below=pl.when("listed_below").then(1 - pl.col("below")),
            direct=1 - pl.col("direct"),
        )
    )


def names(
    listings: pl.DataFrame, reliability: pl.DataFrame, suffixes: Suffixes, *, widen: bool
) -> pl.DataFrame:
    """Return the names to be judged, widened: `value`, `registrable`, `claims_below`, scores.

    With `widen`, whoever lists a registrable domain as such lists all below it: the owner is the
    fraud. A page on a host says nothing about the rest of it, so URLs with a path never widen.
    """
    frame = scored(listings, reliability)
    frame = frame.with_columns(registrable=suffixes.registrable(frame["value"]))
    frame = frame.with_columns(claims_below=pl.col("below").is_not_null())
    if not widen:
        return frame
    owned = (pl.col("registrable") == pl.col("value")).fill_null(value=False)
    widened = owned & pl.col("whole") & pl.col("here").is_not_null()
    # What claims both parts is at least as well attested for each as for both.
    below = pl.when(widened).then(pl.max_horizontal("below", "direct")).otherwise("below")
    return frame.with_columns(below=below)
