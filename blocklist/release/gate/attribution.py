"""Attribute a change to feeds: changed rows and listings -> how many rows each feed lists."""

import polars as pl

from blocklist.judge.candidates import derive_host_listings

_SHOWN_FEEDS = 3


def expand_url_hosts(listings: pl.DataFrame) -> pl.DataFrame:
    """Return `feed` and `value` of listings (schema `LISTINGS`), a URL also as its host."""
    parts = [listings, derive_host_listings(listings)]
    return pl.concat([part.select("feed", "value") for part in parts])


def count_listing_feeds(changed: pl.DataFrame, listings: pl.DataFrame) -> dict[str, int]:
    """Return the feeds that list any of the values, with how many each, most first."""
    said = expand_url_hosts(listings).join(changed.select("value"), on="value", how="semi").unique()
    counts = said["feed"].value_counts().sort("count", "feed", descending=[True, False])
    return dict(counts.iter_rows())


def format_listing_feeds(does: str, counts: dict[str, int]) -> list[str]:
    """Return who is behind most of a change, in words; nothing where nobody lists it."""
    most = ", ".join(f"{feed} ({count:,})" for feed, count in list(counts.items())[:_SHOWN_FEEDS])
    return [f"what {does} is listed by: {most}"] if most else []
