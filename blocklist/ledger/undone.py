"""Undo what the last snapshot of one feed changed, without overwriting history."""

import polars as pl

from blocklist.ledger import endings, intervals, packs
from blocklist.ledger.book import Book
from blocklist.ledger.bulk import Bulk
from blocklist.ledger.health import FeedHealth
from blocklist.ledger.listings import Change
from blocklist.ledger.packs import LISTING
from blocklist.ledger.times import now

#: The state of a snapshot that stands for the undoing of an earlier one.
_UNDONE = "undone"
_KEY = ["value", "scope"]
_OF_FEED = "feed_id = ?"
_RUNS = (
    "SELECT run_id, sum(removed) AS removed FROM snapshot WHERE feed_id = ? AND state = 'fresh' "
    "AND added + removed > 0 GROUP BY run_id ORDER BY run_id"
)


def take_back(book: Book, feed: FeedHealth, reason: str) -> Change | None:
    """Undo what the last snapshot of a feed that changed anything changed, and pin the feed.

    Return the change; None where there was none before it, it is undone already, or what went with
    it is pruned. History is not overwritten: what came is ended by this run, and what went begins
    anew.
    """
    with Bulk(book.database) as bulk:
        accepted = bulk.query(
            _RUNS, feed.id, schema=pl.Schema({"run_id": pl.Int64(), "removed": pl.Int64()})
        )
        if accepted.height < 2:
            return None
        run, removed = accepted.row(-1)
        between = {"after": run - 1, "upto": run}
        went = pl.concat(intervals.ended(bulk, LISTING, _OF_FEED, feed.id, **between))
        if went.height < removed:
            return None
        listed = pl.concat(intervals.standing(bulk, LISTING, _OF_FEED, feed.id))
        came = listed.filter(since=run)
        # Of what went, only what has not come back meanwhile.
        back = went.join(listed, on=_KEY, how="anti")
        change = Change(back.height, came.height)
        if not change.added + change.removed:
            return None
        endings.end(bulk, LISTING, came, book.run)
        again = back.select("value", "scope", "kind", "evidence")
        packs.store(bulk, LISTING, again, feed_id=feed.id, since=book.run)
        _record(bulk, book, feed, reason, change)
    return change


def _record(bulk: Bulk, book: Book, feed: FeedHealth, reason: str, change: Change) -> None:
    bulk.execute(
        "INSERT INTO snapshot (feed_id, run_id, state, cause, added, removed) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        feed.id, book.run, _UNDONE, reason, change.added, change.removed,
    )  # fmt: skip
    more = change.added - change.removed
    bulk.execute("UPDATE feed SET entries = entries + ? WHERE id = ?", more, feed.id)
    bulk.execute(
        "INSERT INTO pin (feed_id, run_id, created, reason) VALUES (?, ?, ?, ?)",
        feed.id, book.run, now(), reason,
    )  # fmt: skip
