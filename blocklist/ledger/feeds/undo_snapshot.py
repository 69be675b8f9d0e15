"""Undo the last snapshot of one feed: feed -> new rows; history is not overwritten."""

import polars as pl

from blocklist.ledger.db.timestamps import current_timestamp
from blocklist.ledger.db.transaction import Transaction
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.feeds.health import FeedHealth
from blocklist.ledger.feeds.listings import SnapshotChange
from blocklist.ledger.temporal.deletion_vectors import end_rows
from blocklist.ledger.temporal.intervals import rows_at, rows_ended
from blocklist.ledger.temporal.packs import LISTING_TABLE, store_rows

#: The state of a snapshot row that undoes an earlier one.
_UNDO_STATE = "undone"
_KEY = ["value", "scope"]
_FEED_FILTER = "feed_id = ?"
_CHANGING_RUNS_SQL = (
    "SELECT run_id, sum(removed) AS removed FROM snapshot WHERE feed_id = ? AND state = 'fresh' "
    "AND added + removed > 0 GROUP BY run_id ORDER BY run_id"
)


def undo_last_snapshot(
    writer: LedgerWriter, feed: FeedHealth, reason: str
) -> SnapshotChange | None:
    """Undo the changes of the last snapshot of a feed that had any, and pin the feed.

    Return the change; None where no snapshot came before it, it is undone already, or the listings
    that it ended are pruned. History is not overwritten: this run ends the listings that the
    snapshot opened, and opens those that it ended again.
    """
    with writer.transaction() as transaction:
        last = _find_undoable_run(transaction, feed)
        if last is None:
            return None
        run, removed = last
        between = {"after": run - 1, "upto": run}
        parts = rows_ended(transaction, LISTING_TABLE, _FEED_FILTER, feed.id, **between)
        ended = pl.concat(parts)
        if ended.height < removed:
            return None
        listed = pl.concat(rows_at(transaction, LISTING_TABLE, _FEED_FILTER, feed.id))
        opened = listed.filter(since=run)
        # Those that were listed again since are in place already.
        back = ended.join(listed, on=_KEY, how="anti")
        change = SnapshotChange(back.height, opened.height)
        if not change.added + change.removed:
            return None
        end_rows(transaction, LISTING_TABLE, opened, writer.run_id)
        again = back.select("value", "scope", "kind", "evidence")
        store_rows(transaction, LISTING_TABLE, again, feed_id=feed.id, since=writer.run_id)
        _record_undo(transaction, writer, feed, reason, change)
    return change


def _find_undoable_run(transaction: Transaction, feed: FeedHealth) -> tuple[int, int] | None:
    """Return the last run that changed the feed's listings, and how many it removed."""
    runs = transaction.execute(_CHANGING_RUNS_SQL, feed.id).fetchall()
    return runs[-1] if len(runs) > 1 else None


def _record_undo(
    transaction: Transaction,
    writer: LedgerWriter,
    feed: FeedHealth,
    reason: str,
    change: SnapshotChange,
) -> None:
    transaction.execute(
        "INSERT INTO snapshot (feed_id, run_id, state, cause, added, removed) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        feed.id, writer.run_id, _UNDO_STATE, reason, change.added, change.removed,
    )  # fmt: skip
    more = change.added - change.removed
    transaction.execute("UPDATE feed SET entries = entries + ? WHERE id = ?", more, feed.id)
    transaction.execute(
        "INSERT INTO pin (feed_id, run_id, created, reason) VALUES (?, ?, ?, ?)",
        feed.id, writer.run_id, current_timestamp(), reason,
    )  # fmt: skip
