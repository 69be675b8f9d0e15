"""Store and read listings: accepted snapshot -> new and ended rows; feeds -> frames."""

import json
from dataclasses import dataclass

import polars as pl

from blocklist.frames.diff import find_unmatched_rows
from blocklist.frames.schemas import DATED_LISTINGS, LISTINGS
from blocklist.frames.urls import url_host
from blocklist.ledger.db.codes import KINDS
from blocklist.ledger.db.timestamps import current_timestamp
from blocklist.ledger.db.transaction import Transaction
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.feeds.health import FeedHealth
from blocklist.ledger.feeds.ranks import save_ranks
from blocklist.ledger.feeds.records import (
    NO_ANSWER,
    AnswerRecord,
    report_columns,
    update_answer,
)
from blocklist.ledger.temporal.deletion_vectors import end_rows
from blocklist.ledger.temporal.intervals import concat_by_value, rows_at, rows_ever
from blocklist.ledger.temporal.pack_sql import packed_exists_sql
from blocklist.ledger.temporal.packs import LISTING_TABLE, store_rows
from blocklist.model import FeedState, GuardClass, Kind

_KEY = ["value", "scope"]
_FEED_FILTER = "feed_id = ?"
_BLOCKING_FILTER = "feed_id IN (SELECT id FROM feed WHERE guard IS NULL)"
_VALID_AT = "since <= ? AND (until IS NULL OR until > ?)"


@dataclass(frozen=True, slots=True)
class SnapshotChange:
    """How many listings an accepted snapshot opened and ended."""

    added: int
    removed: int


def accept_snapshot(
    writer: LedgerWriter,
    feed: FeedHealth,
    indicators: pl.DataFrame,
    fingerprint: str,
    parse_report: dict[str, object],
    answer: AnswerRecord = NO_ANSWER,
) -> SnapshotChange:
    """Make the indicators (schema `INDICATORS`) what the feed lists from this run on.

    One transaction opens a listing for each new indicator, ends that of each missing one, and
    records the snapshot, its parse report and the answer that it came with. Below the names of
    `exempting` in the report, the list exempts others.
    """
    with writer.transaction() as transaction:
        old = pl.concat(rows_at(transaction, LISTING_TABLE, _FEED_FILTER, feed.id))
        added, gone = _split_changes(indicators, old)
        columns = {"feed_id": feed.id, "since": writer.run_id}
        store_rows(transaction, LISTING_TABLE, _stored_listings(added), **columns)
        end_rows(transaction, LISTING_TABLE, gone, writer.run_id)
        if _is_top_list(transaction, feed.id):
            save_ranks(transaction, feed.id, indicators)
        _save_exempting(transaction, feed.id, parse_report)
        change = SnapshotChange(added.height, gone.height)
        row = {
            **report_columns(parse_report),
            "state": FeedState.FRESH.value,
            "entries": indicators.height,
            "added": change.added,
            "removed": change.removed,
        }
        transaction.table("snapshot").insert({**row, "feed_id": feed.id, "run_id": writer.run_id})
        update_answer(transaction, feed, answer)
        moment = current_timestamp()
        transaction.execute(
            "UPDATE feed SET state = ?, cause = NULL, checked = ?, accepted_at = ?, "
            "good_at = ?, fingerprint = ?, entries = ? WHERE id = ?",
            FeedState.FRESH.value, moment, moment, moment, fingerprint, indicators.height,
            feed.id,
        )  # fmt: skip
    return change


def _split_changes(
    indicators: pl.DataFrame, old: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the new indicators and the old listings that are gone.

    Everything in a first list is new, so its values need no comparison.
    """
    if old.is_empty():
        return indicators, old
    gone, added = find_unmatched_rows(old.select(_KEY), indicators.select(_KEY))
    return indicators.filter(added), old.filter(gone)


def _stored_listings(added: pl.DataFrame) -> pl.DataFrame:
    # Evidence is stored only where it differs from the value.
    evidence = pl.when(pl.col("evidence") != pl.col("value")).then("evidence")
    return added.select("value", "scope", "kind", evidence=evidence)


def _is_top_list(transaction: Transaction, feed: int) -> bool:
    (guard,) = transaction.execute("SELECT guard FROM feed WHERE id = ?", feed).fetchone()
    return bool(guard == GuardClass.POPULAR)


def _save_exempting(transaction: Transaction, feed: int, parse_report: dict[str, object]) -> None:
    """Store the names below which a feed exempts others, in place of its last ones."""
    transaction.execute("DELETE FROM exempting WHERE feed_id = ?", feed)
    exempting = parse_report.get("exempting")
    names = exempting if isinstance(exempting, list) else []
    values = pl.Series("value", names, dtype=pl.String).sort()
    if not values.is_empty():
        rows = values.to_frame().with_columns(feed_id=pl.lit(feed, pl.Int64))
        transaction.append("exempting", rows)


def load_listing_dates(transaction: Transaction, feeds: list[str]) -> pl.DataFrame:
    """Return a row for each value that a named feed lists now (schema `DATED_LISTINGS`).

    `since` is the run that it first listed the value in, and `new` whether that was later than its
    own first run, which took in what was there before.
    """
    schema = {"feed_id": pl.Int64(), "feed": pl.String(), "began": pl.Int64()}
    known_feeds = transaction.frame(
        "SELECT feed.id AS feed_id, name AS feed, "
        "coalesce(min(run_id), (SELECT max(id) FROM run)) AS began FROM feed "
        "LEFT JOIN snapshot ON feed_id = feed.id AND snapshot.state = 'fresh' "
        "WHERE name IN (SELECT value FROM json_each(?)) GROUP BY feed.id",
        json.dumps(feeds),
        schema=pl.Schema(schema),
    )
    parts = [
        _load_start_runs(transaction, key).select(
            pl.lit(name).alias("feed"), "value", "since", new=pl.col("since") > began
        )
        for key, name, began in known_feeds.iter_rows()
    ]
    return pl.concat([pl.DataFrame(schema=DATED_LISTINGS), *parts])


def _load_start_runs(transaction: Transaction, feed: int) -> pl.DataFrame:
    """Return each value that a feed lists now once, and since which run in any scope."""
    listed = concat_by_value(
        rows_at(transaction, LISTING_TABLE, _FEED_FILTER, feed), ["value", "scope", "since"]
    )
    if listed["scope"].n_unique() > 1:  # else no value is there twice
        return listed.group_by("value", maintain_order=True).agg(pl.col("since").min())
    return listed


def load_listings(
    transaction: Transaction, feeds: list[str], run: int | None = None
) -> pl.DataFrame:
    """Return what the named feeds list now, or listed after a run (schema `LISTINGS`).

    Rows are grouped by feed, and sorted by value within a feed.
    """
    parts = [
        concat_by_value(
            rows_at(transaction, LISTING_TABLE, _FEED_FILTER, key, at=run),
            ["kind", "value", "scope"],
        ).select(pl.lit(name).alias("feed"), "kind", "value", "scope")
        for key, name in load_feed_ids(transaction, feeds)
    ]
    return pl.concat([pl.DataFrame(schema=LISTINGS), *parts])


def load_feed_ids(transaction: Transaction, feeds: list[str]) -> list[tuple[int, str]]:
    """Return the id and the name of each of the feeds that the ledger has."""
    sql = "SELECT id, name FROM feed WHERE name IN (SELECT value FROM json_each(?)) ORDER BY name"
    return transaction.execute(sql, json.dumps(feeds)).fetchall()


def load_listing_history(
    transaction: Transaction, values: pl.Series, run: int | None = None
) -> pl.DataFrame:
    """Return every listing, past ones too, of these values and of URLs on them by blocking feeds.

    As of a run: listings that began later are left out, and later ends are null. The columns are
    those of `Listing`, `kind`, `feed_id`, and `since_run`, the run whose start `since` is.
    """
    feed_schema = pl.Schema({"feed_id": pl.Int64(), "feed": pl.String()})
    feeds = transaction.frame("SELECT id AS feed_id, name AS feed FROM feed", schema=feed_schema)
    run_schema = pl.Schema({"id": pl.Int64(), "started": pl.String()})
    runs = transaction.frame("SELECT id, started FROM run", schema=run_schema)
    started = (runs["id"].to_list(), runs["started"].to_list())
    where, numbers = (
        (_BLOCKING_FILTER, ()) if run is None else (f"{_BLOCKING_FILTER} AND since <= ?", (run,))
    )
    wanted = values.to_frame("about")
    history = pl.concat(
        _add_subject(part).join(wanted, on="about", how="semi").drop("about")
        for part in rows_ever(transaction, LISTING_TABLE, where, *numbers)
    )
    ended = pl.col("until") if run is None else pl.when(pl.col("until") <= run).then("until")
    return history.join(feeds, on="feed_id").with_columns(
        evidence=pl.coalesce("evidence", "value"),
        since_run="since",
        since=pl.col("since").replace_strict(*started, return_dtype=pl.String),
        until=ended.replace_strict(*started, default=None, return_dtype=pl.String),
    )


def _add_subject(part: pl.DataFrame) -> pl.DataFrame:
    """Add the value that listings are `about`: their own, or the host of a URL."""
    is_url = pl.col("kind") == Kind.URL.value
    if not part.select(is_url.any()).item():
        return part.with_columns(about="value")
    return part.with_columns(about=pl.coalesce(url_host(pl.when(is_url).then("value")), "value"))


def select_active_feeds(transaction: Transaction, feeds: list[str], run: int) -> list[str]:
    """Return the names of those feeds that listed anything after a run, sorted."""
    sql = (
        "SELECT name FROM feed WHERE name IN (SELECT value FROM json_each(?)) AND (EXISTS "
        f"(SELECT 1 FROM listing_row WHERE feed_id = feed.id AND {_VALID_AT}) OR EXISTS "
        f"({packed_exists_sql('listing')} AND batch.feed_id = feed.id AND batch.since <= ?)) "
        "ORDER BY name"
    )
    return [name for (name,) in transaction.execute(sql, json.dumps(feeds), *[run] * 4)]


def find_emptied_kinds(transaction: Transaction, feeds: list[str]) -> set[Kind]:
    """Return the kinds that feeds with an accepted empty list listed before."""
    emptied = (
        "SELECT id FROM feed WHERE entries = 0 AND accepted_at IS NOT NULL "
        "AND state IN ('fresh', 'unchanged') AND name IN (SELECT value FROM json_each(?))"
    )
    sql = " UNION ".join(
        f"SELECT kind FROM {table} WHERE feed_id IN ({emptied})"
        for table in ("listing_row", "listing_batch")
    )
    rows = transaction.execute(sql, *[json.dumps(feeds)] * 2)
    return {KINDS[code] for (code,) in rows}
