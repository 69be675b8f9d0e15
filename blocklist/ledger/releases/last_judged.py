"""Last judged release and its input digests: tells whether judging can be skipped.

Free of heavy imports: a run in which nothing changed starts and ends here.
"""

import sqlite3
from dataclasses import dataclass

from blocklist.ledger.db.connection import CONTEXT_DIGEST_VERSION, DIGESTS_VERSION, schema_version
from blocklist.ledger.db.writer import LedgerWriter

# From the last snapshot of a feed backwards, for over the years there are many.
CHANGING_SNAPSHOTS_SQL = (
    "SELECT name, (SELECT id FROM snapshot WHERE feed_id = feed.id AND added + removed > 0 "
    "ORDER BY id DESC LIMIT 1) FROM feed"
)


@dataclass(frozen=True, slots=True)
class JudgedRelease:
    """A release, and a digest of all that the judge saw when it last came to just this one."""

    release: int
    inputs_digest: str
    #: A digest of all of it but what feeds list; None where an older version saved no such.
    context_digest: str | None


def load_judged_release(reader: sqlite3.Connection) -> JudgedRelease | None:
    """Return what the judge came to last, unless the gate held it."""
    known = schema_version(reader)
    if known < DIGESTS_VERSION:
        return None
    around = "around" if known >= CONTEXT_DIGEST_VERSION else "NULL"
    row = reader.execute(f"SELECT release, digest, {around} FROM judged").fetchone()
    return JudgedRelease(*row) if row else None


def save_judged_release(book: LedgerWriter, judged: JudgedRelease) -> None:
    """Record what the judge came to, in place of the last time."""
    with book.open_connection() as db:
        sql = "INSERT OR REPLACE INTO judged (id, release, digest, around) VALUES (1, ?, ?, ?)"
        db.execute(sql, [judged.release, judged.inputs_digest, judged.context_digest])


def last_changing_snapshots(reader: sqlite3.Connection) -> dict[str, int]:
    """Return of each feed the last snapshot that changed what it lists."""
    return {name: last for name, last in reader.execute(CHANGING_SNAPSHOTS_SQL) if last is not None}


def active_entry_ids(reader: sqlite3.Connection, now: str) -> list[int]:
    """Return which of the operator's entries are in force; what one says never changes."""
    sql = "SELECT id FROM operator WHERE removed IS NULL AND (expires IS NULL OR expires > ?)"
    return [key for (key,) in reader.execute(f"{sql} ORDER BY id", [now])]


def has_candidate(reader: sqlite3.Connection) -> bool:
    """Return whether the gate holds a candidate."""
    return bool(reader.execute("SELECT EXISTS (SELECT 1 FROM candidate)").fetchone()[0])


def has_expired_address(reader: sqlite3.Connection, now: str) -> bool:
    """Return whether an address that was blocked for its names was not seen with them lately."""
    sql = "SELECT EXISTS (SELECT 1 FROM address WHERE reason IS NULL AND until <= ?)"
    (found,) = reader.execute(sql, [now]).fetchone()
    return bool(found)
