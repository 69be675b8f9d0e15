"""Store and read pins: a pinned release or feed does not change until a person unpins it."""

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blocklist.ledger.db.connection import HISTORY_VERSION, schema_version
from blocklist.ledger.db.timestamps import current_timestamp
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.feeds.health import FeedHealth

if TYPE_CHECKING:
    from blocklist.ledger.db.bulk import BulkTransaction


@dataclass(frozen=True, slots=True)
class Pin:
    """A release after which nothing is published, or a feed whose updates are not taken."""

    release: int | None
    feed: str | None
    created: str
    reason: str
    who: str | None


def list_pins(reader: sqlite3.Connection) -> list[Pin]:
    """Return the pins in force, a release's first."""
    if schema_version(reader) < HISTORY_VERSION:
        return []
    rows = reader.execute(
        "SELECT release, feed.name, created, reason, who FROM pin JOIN run ON run.id = run_id "
        "LEFT JOIN feed ON feed.id = feed_id WHERE ended IS NULL ORDER BY feed.name"
    )
    return [Pin(*row) for row in rows]


def find_release_pin(reader: sqlite3.Connection) -> Pin | None:
    """Return the pin on the release in force, or None."""
    return next((pin for pin in list_pins(reader) if pin.feed is None), None)


def pin_release(bulk: "BulkTransaction", book: LedgerWriter, number: int, reason: str) -> None:
    """Pin a release, in place of an earlier pin on one."""
    moment = current_timestamp()
    bulk.execute("UPDATE pin SET ended = ? WHERE ended IS NULL AND feed_id IS NULL", moment)
    bulk.execute(
        "INSERT INTO pin (run_id, release, created, reason) VALUES (?, ?, ?, ?)",
        book.run_id, number, moment, reason,
    )  # fmt: skip


def unpin_release(book: LedgerWriter) -> bool:
    """End the pin on the release; return whether there was one."""
    with book.open_database() as db:
        sql = "UPDATE pin SET ended = ? WHERE ended IS NULL AND feed_id IS NULL"
        return bool(db.execute(sql, [current_timestamp()]).rowcount)


def unpin_feed(book: LedgerWriter, feed: FeedHealth) -> bool:
    """End the pin on a feed; return whether there was one.

    What it was last read as is forgotten, so that the next update reads it anew.
    """
    forget = "UPDATE feed SET fingerprint = NULL, etag = NULL, modified = NULL WHERE id = ?"
    with book.open_database() as db, db.atomic():
        sql = "UPDATE pin SET ended = ? WHERE ended IS NULL AND feed_id = ?"
        ended = db.execute(sql, [current_timestamp(), feed.id]).rowcount
        db.execute(forget, [feed.id])
    return bool(ended)
