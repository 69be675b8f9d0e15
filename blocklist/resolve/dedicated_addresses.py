"""Find addresses used only by blocked names: observations -> addresses, dedicated or why not.

An address is dedicated if enough blocked domains were recently observed on it, no other known name
was, and it is in no shared network. Whole columns only.
"""

from dataclasses import dataclass

import polars as pl

from blocklist.frames.networks import networks_to_spans
from blocklist.judge.builtin_lists import load_builtin_groups

#: How many domains the evidence names.
_SHOWN_DOMAINS = 5
#: Core lists of networks, and what is said of an address in them.
_SHARED_LISTS = {"shared-networks": "shared", "parked": "parking", "sinkholes": "a sinkhole"}

#: A row an address: how many blocked domains, the evidence in words, until when it holds, and why
#: it is not dedicated (null where it is).
ADDRESSES = pl.Schema(
    [
        ("value", pl.String()),
        ("domains", pl.Int64()),
        ("evidence", pl.String()),
        ("until", pl.String()),
        ("reason", pl.String()),
    ]
)


@dataclass(frozen=True)
class AddressObservations:
    """What was seen where: `address` and `name`, of blocked ones also `domain` and `until`.

    `until` is when a sighting is too old to count.
    """

    blocked: pl.DataFrame
    others: pl.DataFrame


def classify_addresses(
    seen: AddressObservations, guarded: pl.DataFrame, least: int
) -> pl.DataFrame:
    """Return all addresses of blocked names (schema `ADDRESSES`).

    `guarded` has networks (`value`) that are not to be blocked and where that stands (`source`).
    """
    by_domain = seen.blocked.group_by("address", "domain").agg(pl.col("until").max())
    latest = pl.col("until").sort(descending=True)
    found = by_domain.group_by(value="address").agg(
        domains=pl.len().cast(pl.Int64),
        # It holds as long as so many domains were seen on it lately.
        until=pl.coalesce(latest.get(least - 1, null_on_oob=True), latest.last()),
        named=pl.col("domain").sort().head(_SHOWN_DOMAINS).str.join(", "),
    )
    other = seen.others.group_by(value="address").agg(other=pl.col("name").min())
    found = found.join(_match_shared_networks(found["value"], guarded), on="value", how="left")
    found = found.join(other, on="value", how="left")
    return found.select(
        "value",
        "domains",
        evidence=_format_evidence(),
        until="until",
        reason=pl.coalesce(
            "shared",
            pl.lit("other names are on it, such as ") + pl.col("other"),
            pl.when(pl.col("domains") < least).then(
                pl.format("{} of {} blocked domains that it takes", "domains", pl.lit(least))
            ),
        ),
    ).match_to_schema(ADDRESSES)


def _format_evidence() -> pl.Expr:
    more = pl.when(pl.col("domains") > _SHOWN_DOMAINS).then(
        pl.format(" and {} more", pl.col("domains") - _SHOWN_DOMAINS)
    )
    counted = pl.when(pl.col("domains") == 1).then(pl.lit("1 blocked domain: "))
    many = pl.format("{} blocked domains: ", "domains")
    return pl.concat_str(counted.otherwise(many), "named", more.otherwise(pl.lit("")))


def _match_shared_networks(values: pl.Series, guarded: pl.DataFrame) -> pl.DataFrame:
    """Return `value` and `shared`, where it says so, of addresses in networks that are not ours."""
    rows = [
        (network, f"{what}: {group.title}")
        for part, what in _SHARED_LISTS.items()
        for group in load_builtin_groups(part)
        for network in group.networks
    ]
    core_rows = pl.DataFrame(rows, schema=guarded.schema, orient="row")
    known = pl.concat([core_rows, guarded])
    reach = pl.concat([known, networks_to_spans(known["value"])], how="horizontal")
    reach = reach.select("source", kin="family", start="first", end="last")
    spans = pl.concat([values.to_frame("value"), networks_to_spans(values)], how="horizontal")
    inside = spans.join_where(
        reach, pl.col("first") <= pl.col("end"), pl.col("last") >= pl.col("start")
    ).filter(pl.col("family") == pl.col("kin"))
    first = inside.group_by("value").agg(shared=pl.col("source").first())
    return first.with_columns(shared=pl.lit("in a guarded network: ") + pl.col("shared"))
