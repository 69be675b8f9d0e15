"""Find addresses used only by blocked names: observations -> addresses, dedicated or why not.

An address is dedicated if enough blocked domains were recently observed on it, no other known name
was, and it is in no shared network. Whole columns only.
"""

from dataclasses import dataclass

import polars as pl

from blocklist.frames.networks import add_spans, join_overlapping
from blocklist.judge.builtin_lists import load_builtin_groups

#: The number of domains that the evidence names.
_SHOWN_DOMAINS = 5
#: Built-in lists of networks, and the label of addresses in them.
_SHARED_LISTS = {"shared-networks": "shared", "parked": "parking", "sinkholes": "a sinkhole"}

#: One row an address: the number of blocked domains, the evidence in words, the time until which it
#: holds, and the reason that it is not dedicated (null if it is).
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
    """Observed pairs of `address` and `name`; for blocked names also `domain` and `until`.

    `until` is the time at which an observation is too old to count.
    """

    blocked: pl.DataFrame
    others: pl.DataFrame


def classify_addresses(
    observations: AddressObservations, guarded_networks: pl.DataFrame, min_domains: int
) -> pl.DataFrame:
    """Return all addresses of blocked names (schema `ADDRESSES`).

    `guarded_networks` has networks (`value`) that must not be blocked, and their list (`source`).
    An address is dedicated only with at least `min_domains` blocked domains.
    """
    by_domain = observations.blocked.group_by("address", "domain").agg(pl.col("until").max())
    latest = pl.col("until").sort(descending=True)
    addresses = by_domain.group_by(value="address").agg(
        domains=pl.len().cast(pl.Int64),
        # The evidence holds as long as enough domains have recent observations.
        until=pl.coalesce(latest.get(min_domains - 1, null_on_oob=True), latest.last()),
        named=pl.col("domain").sort().head(_SHOWN_DOMAINS).str.join(", "),
    )
    other_names = observations.others.group_by(value="address").agg(other=pl.col("name").min())
    addresses = addresses.join(
        _match_shared_networks(addresses["value"], guarded_networks), on="value", how="left"
    )
    addresses = addresses.join(other_names, on="value", how="left")
    return addresses.select(
        "value",
        "domains",
        evidence=_format_evidence(),
        until="until",
        reason=pl.coalesce(
            "shared",
            pl.lit("other names are on it, such as ") + pl.col("other"),
            pl.when(pl.col("domains") < min_domains).then(
                pl.format("{} of {} blocked domains that it takes", "domains", pl.lit(min_domains))
            ),
        ),
    ).match_to_schema(ADDRESSES)


def _format_evidence() -> pl.Expr:
    suffix = pl.when(pl.col("domains") > _SHOWN_DOMAINS).then(
        pl.format(" and {} more", pl.col("domains") - _SHOWN_DOMAINS)
    )
    single = pl.when(pl.col("domains") == 1).then(pl.lit("1 blocked domain: "))
    many = pl.format("{} blocked domains: ", "domains")
    return pl.concat_str(single.otherwise(many), "named", suffix.otherwise(pl.lit("")))


def _match_shared_networks(values: pl.Series, guarded_networks: pl.DataFrame) -> pl.DataFrame:
    """Return `value` and `shared`, the shared or guarded network of an address, if any."""
    rows = [
        (network, f"{label}: {group.title}")
        for list_name, label in _SHARED_LISTS.items()
        for group in load_builtin_groups(list_name)
        for network in group.networks
    ]
    core_rows = pl.DataFrame(rows, schema=guarded_networks.schema, orient="row")
    networks = add_spans(pl.concat([core_rows, guarded_networks])).drop("value")
    matches = join_overlapping(add_spans(values.to_frame("value")), networks)
    first_match = matches.group_by("value").agg(shared=pl.col("source").first())
    return first_match.with_columns(shared=pl.lit("in a guarded network: ") + pl.col("shared"))
