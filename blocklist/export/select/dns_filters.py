"""Filter rows by DNS facts: drop dead names, other countries and addresses known only from DNS.

An address that is blocked only because of the names on it is kept only if the export asks for it.
The operator's own blocks and allows are in every export.
"""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from blocklist.config.exports import Export
from blocklist.config.feeds import RESOLVED_FEED
from blocklist.config.loader import Config
from blocklist.frames.urls import url_host
from blocklist.geoip import GeoIpDatabase
from blocklist.ledger.db.transaction import Transaction
from blocklist.ledger.dns import facts
from blocklist.ledger.feeds.listings import load_listings
from blocklist.model import Kind
from blocklist.resolve.countries import CountryFilter


@dataclass(frozen=True)
class DnsFilterData:
    """Which names are dead, the countries of what has any, and what is the operator's."""

    dead_names: pl.Series
    #: `value` and the list `countries`.
    countries: pl.DataFrame
    operator_blocks: pl.Series
    #: Addresses that no feed lists but the one of addresses behind names.
    resolved_only: pl.Series


def load_dns_filter_data(
    bulk: Transaction,
    config: Config,
    basis: int,
    rows: pl.DataFrame,
    own: pl.Series,
    exports: list[Export],
) -> DnsFilterData:
    """Return what DNS said of the rows of a release, as far as any of the exports asks for it.

    The release was judged from what was listed after the run `basis`; of its rows the operator
    blocks those of the values `own`.
    """
    where = any(export.needs_countries for export in exports)
    return DnsFilterData(
        dead_names=facts.dead_names(bulk) if any(export.alive for export in exports) else _NO_NAMES,
        countries=_load_countries(bulk, config, rows)
        if where
        else pl.DataFrame(schema=_COUNTRIES_SCHEMA),
        operator_blocks=own,
        resolved_only=_load_resolved_only(bulk, config, basis),
    )


def filter_by_dns(export: Export, rows: pl.DataFrame, known: DnsFilterData) -> pl.DataFrame:
    """Return the rows of a release that an export takes."""
    own = pl.col("value").is_in(known.operator_blocks.implode()) | (pl.col("action") == "allow")
    if not export.behind_names and not known.resolved_only.is_empty():
        rows = rows.filter(own | ~pl.col("value").is_in(known.resolved_only.implode()))
    if not export.alive and not export.needs_countries:
        return rows
    kept = rows.with_columns(host=_host_expr(rows))
    if export.alive:
        kept = kept.filter(own | ~pl.col("host").is_in(known.dead_names.implode()))
    if export.needs_countries:
        wanted = CountryFilter(frozenset(export.countries), frozenset(export.not_countries))
        kept = kept.join(known.countries, left_on="host", right_on="value", how="left")
        kept = kept.filter(own | wanted.to_expr("countries"))
    return kept.select(rows.columns)


_NO_NAMES = pl.Series([], dtype=pl.String)
_COUNTRIES_SCHEMA = pl.Schema({"value": pl.String(), "countries": pl.List(pl.String())})


def _load_resolved_only(bulk: Transaction, config: Config, run: int) -> pl.Series:
    """Return the addresses that were listed for the names on them, and by no other feed."""
    listed = load_listings(bulk, [RESOLVED_FEED.name], run)["value"]
    if listed.is_empty():
        return listed
    others = [name for name in config.scoring_feeds if name != RESOLVED_FEED.name]
    known = load_listings(bulk, others, run).filter(pl.col("kind") == Kind.IP.value)
    return listed.filter(~listed.is_in(known["value"].implode()))


def _host_expr(rows: pl.DataFrame) -> pl.Expr:
    """Return what a row is about: its value, or the host of its link."""
    link = pl.col("kind") == Kind.URL.value
    if not rows.filter(link).height:
        return pl.col("value")
    return pl.when(link).then(url_host(pl.col("value"))).otherwise("value")


def _load_countries(bulk: Transaction, config: Config, rows: pl.DataFrame) -> pl.DataFrame:
    hosts = rows.select("kind", name=_host_expr(rows)).unique("name")
    named = facts.load_name_addresses(bulk).join(hosts, on="name", how="semi")
    direct = hosts.filter(pl.col("kind") != Kind.DOMAIN.value).select("name", address="name")
    # The host of a link may be a name, and its addresses are in `named`.
    direct = direct.filter(pl.col("address").str.contains(r"^[0-9./]+$|:"))
    every = pl.concat([named, direct])
    country = _locate_addresses(config, every["address"].unique())
    return (
        every.join(country, on="address")
        .group_by(value="name")
        .agg(countries=pl.col("country").unique())
    )


def _locate_addresses(config: Config, addresses: pl.Series) -> pl.DataFrame:
    """Return `address` and `country` of those that are in one: Python, address by address."""
    with GeoIpDatabase(country=Path(config.resolve.country)) as atlas:
        found = [(one, atlas.locate(one).country) for one in addresses]
    schema = {"address": pl.String, "country": pl.String}
    return pl.DataFrame(found, schema=schema, orient="row").drop_nulls()
