"""A writing command's run, and the small tables it keeps: feeds, their health, snapshots."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from blocklist.catalogue import Feed
from blocklist.ledger import connection, lock
from blocklist.ledger.health import FeedHealth, healths
from blocklist.ledger.times import now
from blocklist.model import FeedState


@dataclass(frozen=True, slots=True)
class Book:
    """The database and the number of the run that writes to it."""

    database: Path
    run: int

    @contextmanager
    def small(self) -> Iterator[Database]:
        """Give the small tables; never open while columns are moved in bulk."""
        with connection.writing(self.database) as opened:
            yield Database(opened)

    def feed(self, feed: Feed) -> FeedHealth:
        """Return the health of a feed, which is entered when it is new."""
        guard = feed.guard.value if feed.guard else None
        with self.small() as db:
            db.execute(
                "INSERT INTO feed (name, guard) VALUES (?, ?) "
                "ON CONFLICT (name) DO UPDATE SET guard = excluded.guard",
                [feed.name, guard],
            )
            return healths(db.conn)[feed.name]

    def looked(self, feed: FeedHealth, state: FeedState, cause: str | None) -> None:
        """Record that a feed was looked at and what came of it; its listings are untouched."""
        with self.small() as db:
            values = {"state": state.value, "cause": cause, "checked": now()}
            db.table("feed").update(feed.id, values)

    def refused(self, feed: FeedHealth, cause: str, account: dict[str, object]) -> None:
        """Record a refused snapshot with its account of lines."""
        row = {
            **account,
            "refused": json.dumps(account["refused"]),
            "feed_id": feed.id,
            "run_id": self.run,
            "state": FeedState.REFUSED.value,
            "cause": cause,
        }
        with self.small() as db:
            db.table("snapshot").insert(row)


@contextmanager
def writing(database: Path, command: str) -> Iterator[Book]:
    """Hold the lock and open a run; the run is marked finished when the body ends well."""
    with lock.writer(database, command):
        connection.prepare(database)
        with connection.writing(database) as opened:
            run = _begin(opened, command)
        yield Book(database, run)
        with connection.writing(database) as opened:
            opened.execute("UPDATE run SET finished = ? WHERE id = ?", [now(), run])


def _begin(opened: sqlite3.Connection, command: str) -> int:
    sql = "INSERT INTO run (command, started) VALUES (?, ?) RETURNING id"
    (run,) = opened.execute(sql, [command, now()]).fetchone()
    return int(run)
