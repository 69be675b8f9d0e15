"""Listings for a batch of answers: listings of names and pages -> ordered rows of each answer."""

import polars as pl

from blocklist.ledger.lookup import MAX_PAGE_LISTINGS
from blocklist.model import Kind, Scope

#: The columns that are the fields of a `Listing`, in order.
LISTING_COLUMNS = ("feed", "value", "scope", "since", "until", "evidence")
_LISTING_ORDER = ["feed_id", "value", "scope", "since_run"]
_HAS_ENDED = pl.col("until").is_not_null()
_PAGE_PATTERN = r"^(?<scheme>https?)://(?<host>[^/:\[]+)(?<mark>[/:])"


def select_shown_listings(
    asked: pl.DataFrame, steps: pl.DataFrame, decided: pl.DataFrame, listed: pl.DataFrame
) -> pl.DataFrame:
    """Return the listings of each answer in order.

    The columns are `row`, `LISTING_COLUMNS`, and `host`, the host of a page.
    """
    direct = _list_direct_values(asked, decided)
    listed = listed.sort(_LISTING_ORDER).with_row_index("place")
    above = steps.join(listed, left_on="ancestor", right_on="value").rename({"ancestor": "value"})
    above = above.join(direct, on=["row", "value"], how="left")
    whole = above.filter(pl.col("which").is_not_null() | (pl.col("scope") != Scope.EXACT.value))
    whole = whole.with_columns(host=pl.lit(None, pl.String)).sort("row", "place")
    columns = ["row", *LISTING_COLUMNS, "host"]
    on_hosts = direct.join(
        select_page_listings(listed), left_on="value", right_on="host", suffix="_page"
    )
    if on_hosts.is_empty():
        return whole.select(columns)
    on_hosts = on_hosts.rename({"value": "host", "value_page": "value"})
    on_hosts = on_hosts.sort("row", "which", "scheme", "port", _HAS_ENDED, "place")
    # The sort is stable: the pages of a row come after its other listings.
    return pl.concat([whole.select(columns), on_hosts.select(columns)]).sort(
        "row", maintain_order=True
    )


def select_page_listings(listed: pl.DataFrame, most: int = MAX_PAGE_LISTINGS) -> pl.DataFrame:
    """Return listings of pages with their `host`, at most `most` of each scheme and port.

    `listed` is in order; current listings are taken before ended ones. `port` is whether the URL
    names a port.
    """
    pages = listed.filter(pl.col("kind") == Kind.URL.value).sort(_HAS_ENDED, maintain_order=True)
    parts = pages["value"].str.extract_groups(_PAGE_PATTERN).struct.unnest()
    pages = pages.hstack(parts).drop_nulls("host").with_columns(port=pl.col("mark") == ":")
    return pages.filter(pl.int_range(pl.len()).over("host", "scheme", "port") < most)


def find_unreleased_rows(
    asked: pl.DataFrame, shown: pl.DataFrame, judged: pl.DataFrame
) -> pl.DataFrame:
    """Return each `row` that a feed lists now by a value without a verdict.

    `judged` has a `value` for each verdict; `unreleased.has_unreleased` does the same for one name.
    """
    is_current = pl.col("until").is_null() & pl.col("host").is_null()
    rows = shown.filter(is_current).join(judged, on="value", how="anti")
    rows = rows.join(asked.select("row", asked="value"), on="row")
    is_same = pl.col("value") == pl.col("asked")
    exact, below = (pl.col("scope") == scope.value for scope in (Scope.EXACT, Scope.BELOW))
    return rows.filter(pl.when(is_same).then(~below).otherwise(~exact)).select("row").unique()


def _list_direct_values(asked: pl.DataFrame, decided: pl.DataFrame) -> pl.DataFrame:
    """Return the values of each answer: `which` is 0 for the query, 1 for a different match."""
    other = asked.join(decided.select("row", "match"), on="row")
    other = other.filter(pl.col("value") != pl.col("match"))
    return pl.concat(
        [
            asked.select("row", "value", which=pl.lit(0)),
            other.select("row", value="match", which=pl.lit(1)),
        ]
    )
