"""Find what entries can decide: values of entries -> listings and verdicts at, below or in them."""

from collections.abc import Iterable

import polars as pl

from blocklist.check.single import common_text_prefix
from blocklist.frames.names import are_at_or_below
from blocklist.frames.networks import (
    add_spans,
    join_overlapping,
    merge_spans,
    networks_to_spans,
)
from blocklist.frames.schemas import LISTINGS
from blocklist.frames.urls import url_host
from blocklist.indicators.networks import parse_network
from blocklist.indicators.urls import parse_url
from blocklist.ledger.db.transaction import Transaction
from blocklist.ledger.feeds.listings import load_feed_ids, load_listings
from blocklist.ledger.releases.verdicts import VERDICT_ROW, current_verdicts
from blocklist.ledger.temporal.packs import LISTING_TABLE, VERDICT_TABLE
from blocklist.ledger.temporal.search import MAX_SEARCHED_TEXTS, rows_containing
from blocklist.model import Kind


class AffectedValues:
    """Names at and below those of entries, networks in theirs, and URLs on all of these.

    An entry decides no other value, because it decides what it covers completely.
    """

    def __init__(self, values: Iterable[tuple[Kind, str]]) -> None:
        hosts = dict.fromkeys(_host_of(kind, value) for kind, value in values)
        names, networks = (
            [value for host_kind, value in hosts if host_kind is kind]
            for kind in (Kind.DOMAIN, Kind.IP)
        )
        self._names = pl.Series("value", names, pl.String)
        self._networks = pl.Series("value", networks, pl.String)
        self._texts = sorted({*names, *map(_common_text, networks)})

    def load_listings(self, transaction: Transaction, feeds: list[str], run: int) -> pl.DataFrame:
        """Return what the feeds listed after a run about the values (schema `LISTINGS`)."""
        if self._is_searchable:
            ids = pl.DataFrame(
                load_feed_ids(transaction, feeds),
                schema=pl.Schema({"feed_id": pl.Int64(), "feed": pl.String()}),
                orient="row",
            )
            rows = rows_containing(transaction, LISTING_TABLE, self._texts, run).join(
                ids, on="feed_id"
            )
        else:
            rows = load_listings(transaction, feeds, run)
        return self.filter_rows(rows.select(LISTINGS.names()))

    def load_verdicts(self, transaction: Transaction) -> pl.DataFrame:
        """Return the verdicts of the current release on the values."""
        rows = (
            rows_containing(transaction, VERDICT_TABLE, self._texts).select(VERDICT_ROW.names())
            if self._is_searchable
            else current_verdicts(transaction)
        )
        return self.filter_rows(rows)

    @property
    def _is_searchable(self) -> bool:
        return len(self._texts) <= MAX_SEARCHED_TEXTS and all(self._texts)

    def filter_rows(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows, with `kind` and `value`, that are about the values."""
        is_url = pl.col("kind") == Kind.URL.value
        host = pl.coalesce(url_host(pl.when(is_url).then("value")), "value")
        hosts = rows.select(host=host)["host"]
        is_address = hosts.str.contains(r"^[0-9.]+(?:/[0-9]+)?$|:")
        mask = are_at_or_below(hosts, self._names) & ~is_address
        return rows.filter(mask | (is_address & self._are_inside(hosts, is_address)))

    def _are_inside(self, hosts: pl.Series, is_address: pl.Series) -> pl.Series:
        """Return a mask of the hosts that are networks in any of those of entries."""
        values = hosts.filter(is_address).unique()
        if values.is_empty() or self._networks.is_empty():
            return pl.repeat(value=False, n=len(hosts), dtype=pl.Boolean, eager=True)
        inner = add_spans(values.to_frame("value"))
        outer = merge_spans(networks_to_spans(self._networks))
        inside = join_overlapping(inner, outer, inside=True)
        return hosts.is_in(inside["value"].implode())


def _host_of(kind: Kind, value: str) -> tuple[Kind, str]:
    if kind is not Kind.URL:
        return kind, value
    url = parse_url(value)
    return url.host_kind, url.host


def _common_text(network: str) -> str:
    """Return the text that all values about networks in a network have; it may be empty."""
    return common_text_prefix(parse_network(network)) if "/" in network else network
