"""A writing command's run, and the small tables it keeps: feeds, their health, snapshots."""

import dataclasses
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from blocklist.catalogue import Feed
from blocklist.ledger import connection, lock
from blocklist.ledger.author import author
from blocklist.ledger.health import NOTHING, FeedHealth, Validators, healths, usual_entries
from blocklist.ledger.times import now
from blocklist.model import FeedState

if TYPE_CHECKING:
    from sqlite_utils import Database


@dataclass(frozen=True, slots=True)
class Book:
    """The database, and the number of the run that writes to it and who runs it."""

    database: Path
    run: int
    who: str

    @contextmanager
    def small(self) -> Iterator["Database"]:
        """Give the small tables; never open while columns are moved in bulk."""
        from sqlite_utils import Database

        with self.opened() as opened:
            yield Database(opened)

    @contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """Give the small tables with nothing but sqlite3: cheap to start, as `small` is not."""
        with connection.writing(self.database) as opened:
            yield opened

    def feed(self, feed: Feed) -> FeedHealth:
        """Return the health of a feed, which is entered when it is new."""
        guard = feed.guard.value if feed.guard else None
        with self.opened() as db:
            db.execute(
                "INSERT INTO feed (name, guard) VALUES (?, ?) ON CONFLICT (name) "
                "DO UPDATE SET guard = excluded.guard WHERE guard IS NOT excluded.guard",
                [feed.name, guard],
            )
            return healths(db)[feed.name]

    def usual_entries(self, feed: FeedHealth, max_shrink: float, max_growth: float) -> int:
        """Return how many entries the feed usually has, 0 when it was never accepted."""
        with self.opened() as db:
            return usual_entries(db, feed, max_shrink, max_growth)

    def looked(
        self, feed: FeedHealth, state: FeedState, cause: str | None, retry_at: str | None = None
    ) -> None:
        """Record that a feed was looked at and what came of it; its listings are untouched."""
        values = {"state": state.value, "cause": cause, "checked": now(), "retry_at": retry_at}
        if state is FeedState.UNCHANGED:
            values["good_at"] = values["checked"]
        self._note(feed, values)

    def answered(self, feed: FeedHealth, said: Validators, expires: int | None) -> None:
        """Record what an accepted answer said of itself."""
        self._note(feed, {**dataclasses.asdict(said), "expires": expires, "retry_at": None})

    def _note(self, feed: FeedHealth, values: Mapping[str, str | int | None]) -> None:
        columns = ", ".join(f"{name} = :{name}" for name in values)
        with self.opened() as db:
            db.execute(f"UPDATE feed SET {columns} WHERE id = :id", {**values, "id": feed.id})

    def forget(self, feed: FeedHealth) -> None:
        """Forget what the server said, so that no later 304 can stand for a refused snapshot."""
        self.answered(feed, NOTHING, None)

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
            who = author()
            run = _begin(opened, command, who)
        yield Book(database, run, who)
        with connection.writing(database) as opened:
            opened.execute("UPDATE run SET finished = ? WHERE id = ?", [now(), run])


def _begin(opened: sqlite3.Connection, command: str, who: str) -> int:
    sql = "INSERT INTO run (command, started, who) VALUES (?, ?, ?) RETURNING id"
    (run,) = opened.execute(sql, [command, now(), who]).fetchone()
    return int(run)
