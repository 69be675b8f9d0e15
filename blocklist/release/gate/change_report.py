"""Attribute a change to feeds: changed rows and listings -> how many rows each feed lists."""

import polars as pl

from blocklist.judge.candidates import derive_host_listings
from blocklist.judge.guards import Guards, match_name_guards
from blocklist.judge.judge import match_network_guards
from blocklist.ledger.releases.verdicts import VerdictChange
from blocklist.model import Kind, Reason

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


def describe_overruled_guards(guards: Guards, change: VerdictChange) -> list[str]:
    """Return what comes to be blocked by the operator although it is guarded, in words."""
    mine = change.added_blocks.filter(pl.col("reason") == Reason.OPERATOR.value)
    if mine.is_empty():  # nearly always, and guards take a while
        return []
    names, networks = (
        mine.filter(pl.col("kind") == kind.value)["value"] for kind in (Kind.DOMAIN, Kind.IP)
    )
    registrable = guards.suffixes.registrable_domains(names)
    candidates = pl.DataFrame({"value": names, "registrable": registrable})
    hits = [match_name_guards(guards, candidates), match_network_guards(guards.entries, networks)]
    found = pl.concat([hit.select("value", "class", "cause") for hit in hits]).sort("value")
    return [
        f"{value} is blocked by your entry, although it is {guard}: {cause}"
        for value, guard, cause in found.iter_rows()
    ]
