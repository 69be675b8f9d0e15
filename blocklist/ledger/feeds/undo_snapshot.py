"""Undo the last snapshot of one feed: feed -> new rows; history is not overwritten."""

import polars as pl

from blocklist.ledger.db.bulk import BulkTransaction
from blocklist.ledger.db.timestamps import current_timestamp
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.feeds.health import FeedHealth
from blocklist.ledger.feeds.listings import SnapshotChange
from blocklist.ledger.temporal.deletion_vectors import end_rows
from blocklist.ledger.temporal.intervals import rows_at, rows_ended
from blocklist.ledger.temporal.packs import LISTING_TABLE, store_rows

#: The state of a snapshot that stands for the undoing of an earlier one.
_UNDO_STATE = "undone"
_KEY = ["value", "scope"]
_FEED_FILTER = "feed_id = ?"
_CHANGING_RUNS_SQL = (
    "SELECT run_id, sum(removed) AS removed FROM snapshot WHERE feed_id = ? AND state = 'fresh' "
    "AND added + removed > 0 GROUP BY run_id ORDER BY run_id"
)


def undo_last_snapshot(book: LedgerWriter, feed: FeedHealth, reason: str) -> SnapshotChange | None:
    """Undo what the last snapshot of a feed that changed anything changed, and pin the feed.

    Return the change; None where there was none before it, it is undone already, or what went with
    it is pruned. History is not overwritten: what came is ended by this run, and what went begins
    anew.
    """
    with BulkTransaction(book.database) as bulk:
        accepted = bulk.query_frame(
            _CHANGING_RUNS_SQL,
            feed.id,
            schema=pl.Schema({"run_id": pl.Int64(), "removed": pl.Int64()}),
        )
        if accepted.height < 2:
            return None
        run, removed = accepted.row(-1)
        between = {"after": run - 1, "upto": run}
        went = pl.concat(rows_ended(bulk, LISTING_TABLE, _FEED_FILTER, feed.id, **between))
        if went.height < removed:
            return None
        listed = pl.concat(rows_at(bulk, LISTING_TABLE, _FEED_FILTER, feed.id))
        came = listed.filter(since=run)
        # Of what went, only what has not come back meanwhile.
        back = went.join(listed, on=_KEY, how="anti")
        change = SnapshotChange(back.height, came.height)
        if not change.added + change.removed:
            return None
        end_rows(bulk, LISTING_TABLE, came, book.run_id)
        again = back.select("value", "scope", "kind", "evidence")
        store_rows(bulk, LISTING_TABLE, again, feed_id=feed.id, since=book.run_id)
        _record_undo(bulk, book, feed, reason, change)
    return change


def _record_undo(
    bulk: BulkTransaction, book: LedgerWriter, feed: FeedHealth, reason: str, change: SnapshotChange
) -> None:
    bulk.execute(
        "INSERT INTO snapshot (feed_id, run_id, state, cause, added, removed) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        feed.id, book.run_id, _UNDO_STATE, reason, change.added, change.removed,
    )  # fmt: skip
    more = change.added - change.removed
    bulk.execute("UPDATE feed SET entries = entries + ? WHERE id = ?", more, feed.id)
    bulk.execute(
        "INSERT INTO pin (feed_id, run_id, created, reason) VALUES (?, ?, ?, ?)",
        feed.id, book.run_id, current_timestamp(), reason,
    )  # fmt: skip
