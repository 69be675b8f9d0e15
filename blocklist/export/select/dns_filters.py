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

_NO_NAMES = pl.Series([], dtype=pl.String)
_COUNTRIES_SCHEMA = pl.Schema({"value": pl.String(), "countries": pl.List(pl.String())})


@dataclass(frozen=True)
class DnsFilterData:
    """The data from which the filters of all exports are computed."""

    dead_names: pl.Series
    #: `value` and the list `countries`.
    countries: pl.DataFrame
    operator_blocks: pl.Series
    #: Addresses that are listed only because names resolve to them.
    resolved_only: pl.Series


def load_dns_filter_data(
    transaction: Transaction,
    config: Config,
    source_run: int,
    rows: pl.DataFrame,
    operator_blocks: pl.Series,
    exports: list[Export],
) -> DnsFilterData:
    """Return the DNS data of the rows of a release that any of the exports needs.

    The release was judged from the listings after the run `source_run`.
    """
    needs_dead_names = any(export.alive for export in exports)
    needs_countries = any(export.needs_countries for export in exports)
    return DnsFilterData(
        dead_names=facts.dead_names(transaction) if needs_dead_names else _NO_NAMES,
        countries=_load_countries(transaction, config, rows)
        if needs_countries
        else pl.DataFrame(schema=_COUNTRIES_SCHEMA),
        operator_blocks=operator_blocks,
        resolved_only=_load_resolved_only(transaction, config, source_run),
    )


def filter_by_dns(export: Export, rows: pl.DataFrame, data: DnsFilterData) -> pl.DataFrame:
    """Return the rows of a release that pass the DNS filters of an export."""
    is_operators = pl.col("value").is_in(data.operator_blocks.implode())
    is_kept = is_operators | (pl.col("action") == "allow")
    if not export.behind_names and not data.resolved_only.is_empty():
        rows = rows.filter(is_kept | ~pl.col("value").is_in(data.resolved_only.implode()))
    if not export.alive and not export.needs_countries:
        return rows
    passing = rows.with_columns(host=_host_expr(rows))
    if export.alive:
        passing = passing.filter(is_kept | ~pl.col("host").is_in(data.dead_names.implode()))
    if export.needs_countries:
        countries = CountryFilter(frozenset(export.countries), frozenset(export.not_countries))
        passing = passing.join(data.countries, left_on="host", right_on="value", how="left")
        passing = passing.filter(is_kept | countries.to_expr("countries"))
    return passing.select(rows.columns)


def _load_resolved_only(transaction: Transaction, config: Config, run: int) -> pl.Series:
    """Return the addresses that are listed only because names resolve to them."""
    resolved = load_listings(transaction, [RESOLVED_FEED.name], run)["value"]
    if resolved.is_empty():
        return resolved
    other_feeds = [name for name in config.scoring_feeds if name != RESOLVED_FEED.name]
    others = load_listings(transaction, other_feeds, run).filter(pl.col("kind") == Kind.IP.value)
    return resolved.filter(~resolved.is_in(others["value"].implode()))


def _host_expr(rows: pl.DataFrame) -> pl.Expr:
    """Return the value of a row, or the host of its URL."""
    is_url = pl.col("kind") == Kind.URL.value
    if not rows.filter(is_url).height:
        return pl.col("value")
    return pl.when(is_url).then(url_host(pl.col("value"))).otherwise("value")


def _load_countries(transaction: Transaction, config: Config, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the countries of the addresses of each host (schema `_COUNTRIES_SCHEMA`)."""
    hosts = rows.select("kind", name=_host_expr(rows)).unique("name")
    of_names = facts.load_name_addresses(transaction).join(hosts, on="name", how="semi")
    direct = hosts.filter(pl.col("kind") != Kind.DOMAIN.value).select("name", address="name")
    # The host of a URL may be a name; the addresses of names are in `of_names`.
    direct = direct.filter(pl.col("address").str.contains(r"^[0-9./]+$|:"))
    addresses = pl.concat([of_names, direct])
    countries = _locate_addresses(config, addresses["address"].unique())
    return (
        addresses.join(countries, on="address")
        .group_by(value="name")
        .agg(countries=pl.col("country").unique())
    )


def _locate_addresses(config: Config, addresses: pl.Series) -> pl.DataFrame:
    """Return `address` and `country` of those with a known country, one by one in Python."""
    with GeoIpDatabase(country=Path(config.resolve.country)) as database:
        located = [(address, database.locate(address).country) for address in addresses]
    schema = {"address": pl.String, "country": pl.String}
    return pl.DataFrame(located, schema=schema, orient="row").drop_nulls()
