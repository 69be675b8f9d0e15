"""Store and read listings in bulk: accepted snapshot -> new and ended rows; feeds -> frames."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from blocklist.frames.diff import find_unmatched_rows
from blocklist.frames.schemas import DATED_LISTINGS, LISTINGS
from blocklist.frames.urls import url_host
from blocklist.ledger.db.bulk import BulkTransaction
from blocklist.ledger.db.timestamps import current_timestamp
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.feeds.health import FeedHealth
from blocklist.ledger.feeds.ranks import save_ranks
from blocklist.ledger.temporal.deletion_vectors import end_rows
from blocklist.ledger.temporal.intervals import concat_by_value, rows_at, rows_ever
from blocklist.ledger.temporal.pack_sql import packed_exists_sql
from blocklist.ledger.temporal.packs import LISTING_TABLE, store_rows
from blocklist.model import FeedState, Kind

_KEY = ["value", "scope"]
_FEED_FILTER = "feed_id = ?"
_BLOCKING_FILTER = "feed_id IN (SELECT id FROM feed WHERE guard IS NULL)"
_HELD_AT = "since <= ? AND (until IS NULL OR until > ?)"


@dataclass(frozen=True, slots=True)
class SnapshotChange:
    """How an accepted snapshot changed what is in force from its feed."""

    added: int
    removed: int


def accept_snapshot(
    book: LedgerWriter,
    feed: FeedHealth,
    indicators: pl.DataFrame,
    fingerprint: str,
    account: dict[str, object],
    *,
    ranked: bool = False,
) -> SnapshotChange:
    """Make the indicators (schema `INDICATORS`) what the feed lists from this run on.

    New ones open a listing, missing ones end theirs, and the snapshot with its account of lines is
    recorded, all in one transaction; of a `ranked` list also the order.
    """
    with BulkTransaction(book.database) as bulk:
        old = pl.concat(rows_at(bulk, LISTING_TABLE, _FEED_FILTER, feed.id))
        added, gone = _split_changes(indicators, old)
        store_rows(bulk, LISTING_TABLE, _stored_listings(added), feed_id=feed.id, since=book.run_id)
        end_rows(bulk, LISTING_TABLE, gone, book.run_id)
        if ranked:
            save_ranks(bulk, feed.id, indicators)
        change = SnapshotChange(added.height, gone.height)
        account = {**account, "entries": indicators.height}
        bulk.append_rows("snapshot", _snapshot_row(book, feed, account, change))
        bulk.execute(
            "UPDATE feed SET state = ?, cause = NULL, checked = ?, accepted_at = ?, "
            "good_at = ?, fingerprint = ?, entries = ? WHERE id = ?",
            FeedState.FRESH.value, current_timestamp(), current_timestamp(), current_timestamp(),
            fingerprint, indicators.height, feed.id,
        )  # fmt: skip
    return change


def _split_changes(
    indicators: pl.DataFrame, old: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return what is new, and what is gone; of a first list all is new, without a hash of it."""
    if old.is_empty():
        return indicators, old
    gone, added = find_unmatched_rows(old.select(_KEY), indicators.select(_KEY))
    return indicators.filter(added), old.filter(gone)


def _stored_listings(added: pl.DataFrame) -> pl.DataFrame:
    # Evidence is stored only where it says more than the value itself.
    seen = pl.when(pl.col("evidence") != pl.col("value")).then("evidence")
    return added.select("value", "scope", "kind", evidence=seen)


def _snapshot_row(
    book: LedgerWriter, feed: FeedHealth, account: dict[str, object], change: SnapshotChange
) -> pl.DataFrame:
    row = {
        **account,
        "refused": json.dumps(account["refused"]),
        "feed_id": feed.id,
        "run_id": book.run_id,
        "state": FeedState.FRESH.value,
        "added": change.added,
        "removed": change.removed,
    }
    return pl.DataFrame([row])


def load_listing_dates(bulk: BulkTransaction, feeds: list[str]) -> pl.DataFrame:
    """Return the values that the named feeds list now, and since when: a row a feed and value.

    `new` tells what a feed listed later than in its own first run, which took in what was there.
    """
    bulk.stage_table("wanted", pl.DataFrame({"name": feeds}, schema={"name": pl.String}))
    schema = {"feed_id": pl.Int64(), "feed": pl.String(), "began": pl.Int64()}
    named = bulk.query_frame(
        "SELECT feed.id AS feed_id, name AS feed, "
        "coalesce(min(run_id), (SELECT max(id) FROM run)) AS began FROM feed "
        "LEFT JOIN snapshot ON feed_id = feed.id AND snapshot.state = 'fresh' "
        "WHERE name IN (SELECT name FROM temp.wanted) GROUP BY feed.id",
        schema=pl.Schema(schema),
    )
    parts = [
        _load_start_runs(bulk, key).select(
            pl.lit(name).alias("feed"), "value", "since", new=pl.col("since") > began
        )
        for key, name, began in named.iter_rows()
    ]
    return pl.concat([pl.DataFrame(schema=DATED_LISTINGS), *parts])


def _load_start_runs(bulk: BulkTransaction, feed: int) -> pl.DataFrame:
    """Return each value that a feed lists now once, and since when in any scope."""
    listed = concat_by_value(
        rows_at(bulk, LISTING_TABLE, _FEED_FILTER, feed), ["value", "scope", "since"]
    )
    if listed["scope"].n_unique() > 1:  # else a value is there once
        return listed.group_by("value", maintain_order=True).agg(pl.col("since").min())
    return listed


def load_listings(bulk: BulkTransaction, feeds: list[str], run: int | None = None) -> pl.DataFrame:
    """Return what the named feeds list now, or listed after a run (schema `LISTINGS`).

    One feed after the other, and of each all in the order of the values.
    """
    parts = [
        concat_by_value(
            rows_at(bulk, LISTING_TABLE, _FEED_FILTER, key, at=run),
            ["kind", "value", "scope"],
        ).select(pl.lit(name).alias("feed"), "kind", "value", "scope")
        for key, name in iterate_feed_ids(bulk, feeds)
    ]
    return pl.concat([pl.DataFrame(schema=LISTINGS), *parts])


def iterate_feed_ids(bulk: BulkTransaction, feeds: list[str]) -> Iterator[tuple[int, str]]:
    """Yield the number and the name of each of the feeds that the ledger knows."""
    bulk.stage_table("wanted", pl.DataFrame({"name": feeds}, schema={"name": pl.String}))
    found = bulk.query_frame(
        "SELECT id, name FROM feed WHERE name IN (SELECT name FROM temp.wanted)",
        schema=pl.Schema({"id": pl.Int64(), "name": pl.String()}),
    )
    yield from found.iter_rows()


def load_listing_history(
    bulk: BulkTransaction, values: pl.Series, run: int | None = None
) -> pl.DataFrame:
    """Return every listing, past ones too, by feeds that block: of these values, of pages on them.

    After a run, what had not begun is not known, and what had not ended has no end. The columns are
    those of `Listing`, `kind`, `feed_id`, and the number of the run that `since` is the time of.
    """
    named = pl.Schema({"feed_id": pl.Int64(), "feed": pl.String()})
    feeds = bulk.query_frame("SELECT id AS feed_id, name AS feed FROM feed", schema=named)
    begun = pl.Schema({"id": pl.Int64(), "started": pl.String()})
    runs = bulk.query_frame("SELECT id, started FROM run", schema=begun)
    started = (runs["id"].to_list(), runs["started"].to_list())
    where, numbers = (
        (_BLOCKING_FILTER, ()) if run is None else (f"{_BLOCKING_FILTER} AND since <= ?", (run,))
    )
    wanted = values.to_frame("about")
    found = pl.concat(
        _add_subject(part).join(wanted, on="about", how="semi").drop("about")
        for part in rows_ever(bulk, LISTING_TABLE, where, *numbers)
    )
    ended = pl.col("until") if run is None else pl.when(pl.col("until") <= run).then("until")
    return found.join(feeds, on="feed_id").with_columns(
        evidence=pl.coalesce("evidence", "value"),
        since_run="since",
        since=pl.col("since").replace_strict(*started, return_dtype=pl.String),
        until=ended.replace_strict(*started, default=None, return_dtype=pl.String),
    )


def _add_subject(part: pl.DataFrame) -> pl.DataFrame:
    """Add what listings are `about`: their value, or the host of a page."""
    page = pl.col("kind") == Kind.URL.value
    if not part.select(page.any()).item():
        return part.with_columns(about="value")
    return part.with_columns(about=pl.coalesce(url_host(pl.when(page).then("value")), "value"))


def select_active_feeds(bulk: BulkTransaction, feeds: list[str], run: int) -> list[str]:
    """Return those of the feeds that listed anything after a run, by name."""
    bulk.stage_table("wanted", pl.DataFrame({"name": feeds}, schema={"name": pl.String}))
    found = bulk.query_frame(
        "SELECT name FROM feed WHERE name IN (SELECT name FROM temp.wanted) AND (EXISTS "
        f"(SELECT 1 FROM listing_row WHERE feed_id = feed.id AND {_HELD_AT}) OR EXISTS "
        f"({packed_exists_sql('listing')} AND batch.feed_id = feed.id AND batch.since <= ?)) "
        "ORDER BY name",
        *[run] * 4,
        schema=pl.Schema({"name": pl.String()}),
    )
    return found["name"].to_list()
