"""Store and read pins: what feeds list is published again when a person ends the pin.

The pin on a release stops what feeds list; decisions that are later than it are published. The pin
on a feed stops the updates of this feed.
"""

import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta

from blocklist.ledger.db.timestamps import current_timestamp, format_timestamp
from blocklist.ledger.db.transaction import Transaction
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.feeds.health import FeedHealth


@dataclass(frozen=True, slots=True)
class Pin:
    """A release after which only decisions are published, or a feed that is not updated."""

    release: int | None
    feed: str | None
    created: str
    reason: str
    who: str | None


def list_pins(reader: sqlite3.Connection) -> list[Pin]:
    """Return the pins that have not ended, that of a release first."""
    rows = reader.execute(
        "SELECT release, feed.name, created, reason, who FROM pin JOIN run ON run.id = run_id "
        "LEFT JOIN feed ON feed.id = feed_id WHERE ended IS NULL ORDER BY feed.name"
    )
    return [Pin(*row) for row in rows]


def find_release_pin(reader: sqlite3.Connection) -> Pin | None:
    """Return the pin on the current release, or None."""
    return next((pin for pin in list_pins(reader) if pin.feed is None), None)


def pin_release(transaction: Transaction, writer: LedgerWriter, number: int, reason: str) -> None:
    """Pin a release, in place of an earlier pin on one.

    The pin is not older than any decision, also if the clock was set back: only later decisions
    pass it.
    """
    sql = "SELECT max(?, coalesce(max(max(created, coalesce(removed, ''))), '')) FROM entry"
    (moment,) = transaction.execute(sql, current_timestamp()).fetchone()
    transaction.execute("UPDATE pin SET ended = ? WHERE ended IS NULL AND feed_id IS NULL", moment)
    transaction.execute(
        "INSERT INTO pin (run_id, release, created, reason) VALUES (?, ?, ?, ?)",
        writer.run_id, number, moment, reason,
    )  # fmt: skip


def decision_timestamp(reader: sqlite3.Connection) -> str:
    """Return the time of a decision: the present, but after the pin on the release, if any."""
    now, pin = current_timestamp(), find_release_pin(reader)
    if pin is None or now > pin.created:
        return now
    return format_timestamp(datetime.fromisoformat(pin.created) + timedelta(seconds=1))


def unpin_release(writer: LedgerWriter) -> bool:
    """End the pin on the release; return whether there was one."""
    sql = "UPDATE pin SET ended = ? WHERE ended IS NULL AND feed_id IS NULL"
    with writer.transaction() as transaction:
        return bool(transaction.execute(sql, current_timestamp()).rowcount)


def unpin_feed(writer: LedgerWriter, feed: FeedHealth) -> bool:
    """End the pin on a feed; return whether there was one.

    Its fingerprint and validators are deleted, so that the next update fetches and parses it again.
    """
    end_sql = "UPDATE pin SET ended = ? WHERE ended IS NULL AND feed_id = ?"
    reset_sql = "UPDATE feed SET fingerprint = NULL, etag = NULL, modified = NULL WHERE id = ?"
    with writer.transaction() as transaction:
        ended = transaction.execute(end_sql, current_timestamp(), feed.id).rowcount
        transaction.execute(reset_sql, feed.id)
    return bool(ended)
