"""Report on a change for a person: the feeds that list it, and the guards that it overrules."""

import polars as pl

from blocklist.judge.candidates import derive_host_listings
from blocklist.judge.fame import match_fame
from blocklist.judge.guards import Guards, match_name_guards
from blocklist.judge.judge import match_network_guards
from blocklist.ledger.releases.verdicts import VerdictChange
from blocklist.model import GuardClass, Kind, Reason

_SHOWN_FEEDS = 3


def expand_url_hosts(listings: pl.DataFrame) -> pl.DataFrame:
    """Return `feed` and `value` of listings (schema `LISTINGS`); a URL also counts for its host."""
    parts = [listings, derive_host_listings(listings)]
    return pl.concat([part.select("feed", "value") for part in parts])


def count_listing_feeds(changed: pl.DataFrame, listings: pl.DataFrame) -> dict[str, int]:
    """Return the feeds that list any changed value, with the number of values, largest first."""
    listed = (
        expand_url_hosts(listings).join(changed.select("value"), on="value", how="semi").unique()
    )
    counts = listed["feed"].value_counts().sort("count", "feed", descending=[True, False])
    return dict(counts.iter_rows())


def format_listing_feeds(rows: str, counts: dict[str, int]) -> list[str]:
    """Return a sentence with the feeds that list most of the named rows; none without a feed."""
    largest = ", ".join(
        f"{feed} ({count:,})" for feed, count in list(counts.items())[:_SHOWN_FEEDS]
    )
    return [f"{rows} are listed by: {largest}"] if largest else []


def describe_overruled_guards(guards: Guards, change: VerdictChange) -> list[str]:
    """Return a sentence for each guarded value that a new entry of the operator blocks."""
    operator_blocks = change.added_blocks.filter(pl.col("reason") == Reason.OPERATOR.value)
    if operator_blocks.is_empty():  # nearly always; matching guards is slow
        return []
    names, networks = (
        operator_blocks.filter(pl.col("kind") == kind.value)["value"]
        for kind in (Kind.DOMAIN, Kind.IP)
    )
    registrable = guards.suffixes.registrable_domains(names)
    candidates = pl.DataFrame({"value": names, "registrable": registrable})
    hits = [match_name_guards(guards, candidates), match_network_guards(guards.entries, networks)]
    overruled = pl.concat([hit.select("value", "class", "cause") for hit in hits])
    famous = match_fame(guards.ranks, candidates).join(overruled, on="value", how="anti")
    popular = pl.lit(GuardClass.POPULAR.value, overruled.schema["class"])
    famous = famous.select("value", popular.alias("class"), cause="fame")
    overruled = pl.concat([overruled, famous]).sort("value")
    return [
        f"{value} is blocked by your entry, although it is {guard}: {cause}"
        for value, guard, cause in overruled.iter_rows()
    ]
