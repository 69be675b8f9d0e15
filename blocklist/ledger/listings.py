"""Listings in bulk: an update writes the difference, and history is closed, never overwritten."""

import json
from dataclasses import dataclass

import polars as pl

from blocklist.columns.schema import DATED, KIND, LISTINGS, SCOPE
from blocklist.ledger import ranks
from blocklist.ledger.book import Book
from blocklist.ledger.bulk import Bulk
from blocklist.ledger.health import FeedHealth
from blocklist.ledger.times import now
from blocklist.model import FeedState

_OPEN = pl.Schema([("value", pl.String()), ("scope", SCOPE)])
_KEY = ["value", "scope"]
_THEN = "since <= ? AND (until IS NULL OR until > ?)"
_SLICE = 1_000_000
#: The state of a snapshot that stands for the undoing of an earlier one.
UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Change:
    """How an accepted snapshot changed what is in force from its feed."""

    added: int
    removed: int


def accept(
    book: Book,
    feed: FeedHealth,
    indicators: pl.DataFrame,
    fingerprint: str,
    account: dict[str, object],
    *,
    ranked: bool = False,
) -> Change:
    """Make the indicators (schema `INDICATORS`) what the feed lists from this run on.

    New ones open a listing, missing ones end theirs, and the snapshot with its account of lines is
    recorded, all in one transaction; of a `ranked` list also the order.
    """
    with Bulk(book.database) as bulk:
        sql = "SELECT value, scope FROM listing WHERE feed_id = ? AND until IS NULL"
        old = bulk.query(sql, feed.id, schema=_OPEN)
        added, gone = _difference(indicators, old)
        _append(bulk, added, feed.id, book.run)
        if not gone.is_empty():
            bulk.stage("gone", gone)
            bulk.execute(
                "UPDATE listing SET until = ? WHERE feed_id = ? AND until IS NULL "
                "AND (value, scope) IN (SELECT value, scope FROM temp.gone)",
                book.run,
                feed.id,
            )
        if ranked:
            ranks.save(bulk, feed.id, indicators)
        change = Change(added.height, gone.height)
        account = {**account, "entries": indicators.height}
        bulk.append("snapshot", _snapshot(book, feed, account, change))
        bulk.execute(
            "UPDATE feed SET state = ?, cause = NULL, checked = ?, accepted_at = ?, "
            "good_at = ?, fingerprint = ?, entries = ? WHERE id = ?",
            FeedState.FRESH.value, now(), now(), now(), fingerprint, indicators.height, feed.id,
        )  # fmt: skip
    return change


def _difference(indicators: pl.DataFrame, old: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return what is new, and what is gone; of a first list all is new, without a hash of it."""
    if old.is_empty():
        return indicators, old
    return indicators.join(old, on=_KEY, how="anti"), old.join(indicators, on=_KEY, how="anti")


def _append(bulk: Bulk, added: pl.DataFrame, feed: int, run: int) -> None:
    """Add listings in the order of their table; slices need less memory than the whole."""
    order = added["value"].arg_sort()
    for start in range(0, len(order), _SLICE):
        bulk.append("listing", _rows(added[order[start : start + _SLICE]], feed, run))


def _rows(added: pl.DataFrame, feed: int, run: int) -> pl.DataFrame:
    # Evidence is stored only where it says more than the value itself.
    seen = pl.when(pl.col("evidence") != pl.col("value")).then("evidence")
    rows = added.select("value", "scope", "kind", evidence=seen).sort(_KEY)
    return rows.with_columns(feed_id=pl.lit(feed, pl.Int64), since=pl.lit(run, pl.Int64))


def _snapshot(
    book: Book, feed: FeedHealth, account: dict[str, object], change: Change
) -> pl.DataFrame:
    row = {
        **account,
        "refused": json.dumps(account["refused"]),
        "feed_id": feed.id,
        "run_id": book.run,
        "state": FeedState.FRESH.value,
        "added": change.added,
        "removed": change.removed,
    }
    return pl.DataFrame([row])


_CAME = "feed_id = :feed AND since = :undone AND until IS NULL"
# Of what went, only what has not come back meanwhile.
_WENT = (
    "feed_id = :feed AND until = :undone AND NOT EXISTS (SELECT 1 FROM listing AS still "
    "WHERE still.feed_id = :feed AND still.value = listing.value "
    "AND still.scope = listing.scope AND still.until IS NULL)"
)


def take_back(book: Book, feed: FeedHealth, reason: str) -> Change | None:
    """Undo what the last snapshot of a feed that changed anything changed, and pin the feed.

    Return the change; None where there was none before it, it is undone already, or what went with
    it is pruned. History is not overwritten: what came is ended by this run, and what went begins
    anew.
    """
    runs = (
        "SELECT run_id, sum(removed) FROM snapshot WHERE feed_id = ? AND state = 'fresh' "
        "AND added + removed > 0 GROUP BY run_id ORDER BY run_id"
    )
    kept = "SELECT count(*) FROM listing WHERE feed_id = :feed AND until = :undone"
    with book.small() as db, db.atomic():
        accepted = db.execute(runs, [feed.id]).fetchall()
        if len(accepted) < 2:
            return None
        undone, gone = accepted[-1]
        of = {"feed": feed.id, "undone": undone, "run": book.run}
        if db.execute(kept, of).fetchone()[0] < gone:
            return None
        db.execute(f"CREATE TEMP TABLE went AS SELECT * FROM listing WHERE {_WENT}", of)
        removed = db.execute(f"UPDATE listing SET until = :run WHERE {_CAME}", of).rowcount
        added = db.execute(
            "INSERT INTO listing (feed_id, value, kind, scope, since, evidence) "
            "SELECT feed_id, value, kind, scope, :run, evidence FROM temp.went",
            of,
        ).rowcount
        if not added + removed:
            return None
        row = {"feed_id": feed.id, "run_id": book.run, "cause": reason}
        db.table("snapshot").insert({**row, "state": UNDONE, "added": added, "removed": removed})
        db.execute("UPDATE feed SET entries = entries + ? WHERE id = ?", [added - removed, feed.id])
        del row["cause"]
        db.table("pin").insert({**row, "created": now(), "reason": reason})
    return Change(added, removed)


def dated(bulk: Bulk, feeds: list[str]) -> pl.DataFrame:
    """Return the values that the named feeds list now, and since when: a row a feed and value.

    `new` tells what a feed listed later than in its own first run, which took in what was there.
    """
    bulk.stage("wanted", pl.DataFrame({"name": feeds}, schema={"name": pl.String}))
    schema = {"feed_id": pl.Int64(), "feed": pl.String(), "began": pl.Int64()}
    named = bulk.query(
        "SELECT feed.id AS feed_id, name AS feed, "
        "coalesce(min(run_id), (SELECT max(id) FROM run)) AS began FROM feed "
        "LEFT JOIN snapshot ON feed_id = feed.id AND snapshot.state = 'fresh' "
        "WHERE name IN (SELECT name FROM temp.wanted) GROUP BY feed.id",
        schema=pl.Schema(schema),
    )
    parts = [
        bulk.query(
            "SELECT value, min(since) AS since FROM listing "
            "WHERE feed_id = ? AND until IS NULL GROUP BY value",
            key,
            schema=pl.Schema({"value": pl.String(), "since": pl.Int64()}),
        ).select(pl.lit(name).alias("feed"), "value", "since", new=pl.col("since") > began)
        for key, name, began in named.iter_rows()
    ]
    return pl.concat([pl.DataFrame(schema=DATED), *parts])


def in_force(bulk: Bulk, feeds: list[str], run: int | None = None) -> pl.DataFrame:
    """Return what the named feeds list now, or listed after a run (schema `LISTINGS`)."""
    alive, moment = ("until IS NULL", ()) if run is None else (_THEN, (run, run))
    bulk.stage("wanted", pl.DataFrame({"name": feeds}, schema={"name": pl.String}))
    ids = {"feed_id": pl.Int64(), "feed": pl.String()}
    named = bulk.query(
        "SELECT id AS feed_id, name AS feed FROM feed WHERE name IN (SELECT name FROM temp.wanted)",
        schema=pl.Schema(ids),
    )
    rows = [
        bulk.query(
            f"SELECT kind, value, scope FROM listing WHERE feed_id = ? AND {alive}",
            key,
            *moment,
            schema=pl.Schema([("kind", KIND), *_OPEN.items()]),
        ).select(pl.lit(name).alias("feed"), "kind", "value", "scope")
        for key, name in named.iter_rows()
    ]
    return pl.concat([pl.DataFrame(schema=LISTINGS), *rows])


def speaking(bulk: Bulk, feeds: list[str], run: int) -> list[str]:
    """Return those of the feeds that listed anything after a run, by name."""
    bulk.stage("wanted", pl.DataFrame({"name": feeds}, schema={"name": pl.String}))
    found = bulk.query(
        "SELECT name FROM feed WHERE name IN (SELECT name FROM temp.wanted) AND EXISTS "
        f"(SELECT 1 FROM listing WHERE feed_id = feed.id AND {_THEN}) ORDER BY name",
        run,
        run,
        schema=pl.Schema({"name": pl.String()}),
    )
    return found["name"].to_list()
