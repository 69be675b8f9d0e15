"""Countries of an indicator: names, addresses, URLs -> country codes, and a filter on them."""

from dataclasses import dataclass

import polars as pl

from blocklist.geoip import GeoIpDatabase
from blocklist.indicators.urls import parse_url
from blocklist.ledger.lookup import LedgerLookup
from blocklist.model import Kind


@dataclass(frozen=True, slots=True)
class CountryFilter:
    """A filter on the countries of an indicator: one of some, and none of others.

    An indicator without a known country is in none of either.
    """

    any_of: frozenset[str] = frozenset()
    none_of: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.any_of or self.none_of)

    def accepts(self, countries: frozenset[str]) -> bool:
        """Return whether an indicator in these countries passes."""
        return (
            not self.any_of or not self.any_of.isdisjoint(countries)
        ) and self.none_of.isdisjoint(countries)

    def to_expr(self, column: str) -> pl.Expr:
        """Return the same for a column of lists of countries, in which null means none."""
        countries = pl.col(column).fill_null(pl.lit([], pl.List(pl.String)))
        is_accepted = ~_shares_country(countries, self.none_of)
        return is_accepted & _shares_country(countries, self.any_of) if self.any_of else is_accepted


def _shares_country(column: pl.Expr, countries: frozenset[str]) -> pl.Expr:
    return column.list.eval(pl.element().is_in(sorted(countries))).list.any()


def find_countries(
    kind: Kind, value: str, lookup: LedgerLookup, geoip: GeoIpDatabase
) -> frozenset[str]:
    """Return the countries of an indicator; for a name, those of its observed addresses."""
    if kind is Kind.URL:
        url = parse_url(value)
        kind, value = url.host_kind, url.host
    addresses = [value] if kind is Kind.IP else lookup.find_facts(value).get("addresses", [])
    assert isinstance(addresses, list)
    countries = (geoip.locate(address).country for address in addresses)
    return frozenset(country for country in countries if country)
