"""Record a writing command: database and command -> a run, and its feed and snapshot rows."""

import dataclasses
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from blocklist.config.feeds import Feed
from blocklist.ledger.db.author import current_author
from blocklist.ledger.db.connection import open_read_write, prepare_database
from blocklist.ledger.db.lock import hold_writer_lock
from blocklist.ledger.db.timestamps import current_timestamp
from blocklist.ledger.feeds.health import FeedHealth, load_feed_health, usual_entry_count
from blocklist.model import NO_VALIDATORS, FeedState, Validators

if TYPE_CHECKING:
    from sqlite_utils import Database


@dataclass(frozen=True, slots=True)
class LedgerWriter:
    """The database, and the number of the run that writes to it and who runs it."""

    database: Path
    run_id: int
    author: str

    @contextmanager
    def open_database(self) -> Iterator["Database"]:
        """Give the small tables; never open while columns are moved in bulk."""
        from sqlite_utils import Database

        with self.open_connection() as opened:
            yield Database(opened)

    @contextmanager
    def open_connection(self) -> Iterator[sqlite3.Connection]:
        """Give the small tables with nothing but sqlite3: cheap to start, as `small` is not."""
        with open_read_write(self.database) as opened:
            yield opened

    def register_feed(self, feed: Feed) -> FeedHealth:
        """Return the health of a feed, which is entered when it is new."""
        guard = feed.guard.value if feed.guard else None
        with self.open_connection() as db:
            db.execute(
                "INSERT INTO feed (name, guard) VALUES (?, ?) ON CONFLICT (name) "
                "DO UPDATE SET guard = excluded.guard WHERE guard IS NOT excluded.guard",
                [feed.name, guard],
            )
            return load_feed_health(db)[feed.name]

    def usual_entry_count(self, feed: FeedHealth, max_shrink: float, max_growth: float) -> int:
        """Return how many entries the feed usually has, 0 when it was never accepted."""
        with self.open_connection() as db:
            return usual_entry_count(db, feed, max_shrink, max_growth)

    def record_attempt(
        self, feed: FeedHealth, state: FeedState, cause: str | None, retry_at: str | None = None
    ) -> None:
        """Record that a feed was looked at and what came of it; its listings are untouched."""
        values = {
            "state": state.value,
            "cause": cause,
            "checked": current_timestamp(),
            "retry_at": retry_at,
        }
        if state is FeedState.UNCHANGED:
            values["good_at"] = values["checked"]
        self._update_feed(feed, values)

    def record_validators(self, feed: FeedHealth, said: Validators, expires: int | None) -> None:
        """Record what an accepted answer said of itself."""
        self._update_feed(feed, {**dataclasses.asdict(said), "expires": expires, "retry_at": None})

    def _update_feed(self, feed: FeedHealth, values: Mapping[str, str | int | None]) -> None:
        columns = ", ".join(f"{name} = :{name}" for name in values)
        with self.open_connection() as db:
            db.execute(f"UPDATE feed SET {columns} WHERE id = :id", {**values, "id": feed.id})

    def clear_validators(self, feed: FeedHealth) -> None:
        """Forget what the server said, so that no later 304 can stand for a refused snapshot."""
        self.record_validators(feed, NO_VALIDATORS, None)

    def record_refusal(self, feed: FeedHealth, cause: str, account: dict[str, object]) -> None:
        """Record a refused snapshot with its account of lines."""
        row = {
            **account,
            "refused": json.dumps(account["refused"]),
            "feed_id": feed.id,
            "run_id": self.run_id,
            "state": FeedState.REFUSED.value,
            "cause": cause,
        }
        with self.open_database() as db:
            db.table("snapshot").insert(row)


@contextmanager
def open_ledger_writer(database: Path, command: str) -> Iterator[LedgerWriter]:
    """Hold the lock and open a run; the run is marked finished when the body ends well."""
    with hold_writer_lock(database, command):
        prepare_database(database)
        with open_read_write(database) as opened:
            who = current_author()
            run = _insert_run(opened, command, who)
        yield LedgerWriter(database, run, who)
        with open_read_write(database) as opened:
            opened.execute("UPDATE run SET finished = ? WHERE id = ?", [current_timestamp(), run])


def _insert_run(opened: sqlite3.Connection, command: str, who: str) -> int:
    sql = "INSERT INTO run (command, started, who) VALUES (?, ?, ?) RETURNING id"
    (run,) = opened.execute(sql, [command, current_timestamp(), who]).fetchone()
    return int(run)
