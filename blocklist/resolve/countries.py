"""Countries of an indicator: names, addresses, URLs -> country codes, and a filter on them."""

from dataclasses import dataclass

import polars as pl

from blocklist.geoip import GeoIpDatabase
from blocklist.indicators.urls import parse_url
from blocklist.ledger.lookup import LedgerLookup
from blocklist.model import Kind


@dataclass(frozen=True, slots=True)
class CountryFilter:
    """Countries of which one must be among a thing's, and countries of which none may be.

    What is in no known country is in none of either.
    """

    any_of: frozenset[str] = frozenset()
    none_of: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.any_of or self.none_of)

    def accepts(self, found: frozenset[str]) -> bool:
        """Whether a thing in these countries is wanted."""
        return (not self.any_of or not self.any_of.isdisjoint(found)) and self.none_of.isdisjoint(
            found
        )

    def to_expr(self, column: str) -> pl.Expr:
        """Return the same for a column of lists of countries, null for none."""
        found = pl.col(column).fill_null(pl.lit([], pl.List(pl.String)))
        wanted = ~_shares_country(found, self.none_of)
        return wanted & _shares_country(found, self.any_of) if self.any_of else wanted


def _shares_country(found: pl.Expr, countries: frozenset[str]) -> pl.Expr:
    return found.list.eval(pl.element().is_in(sorted(countries))).list.any()


def find_countries(
    kind: Kind, value: str, lookup: LedgerLookup, atlas: GeoIpDatabase
) -> frozenset[str]:
    """Return the countries of an indicator: of a name those of the addresses it was seen at."""
    if kind is Kind.URL:
        url = parse_url(value)
        kind, value = url.host_kind, url.host
    addresses = [value] if kind is Kind.IP else lookup.find_facts(value).get("addresses", [])
    assert isinstance(addresses, list)
    found = (atlas.locate(address).country for address in addresses)
    return frozenset(country for country in found if country)
