"""Store and read the last judged release and its input digests, to skip equal judgings.

Free of heavy imports: a run in which nothing changed starts and ends here.
"""

import sqlite3
from dataclasses import dataclass

from blocklist.ledger.db.writer import LedgerWriter

# From the last snapshot of a feed backwards, for over the years there are many.
CHANGING_SNAPSHOTS_SQL = (
    "SELECT name, (SELECT id FROM snapshot WHERE feed_id = feed.id AND added + removed > 0 "
    "ORDER BY id DESC LIMIT 1) FROM feed"
)


@dataclass(frozen=True, slots=True)
class JudgedRelease:
    """The release that the last judging led to, with digests of the inputs."""

    release: int
    inputs_digest: str
    #: A digest of all inputs except the listings; None where they are not those of the release.
    context_digest: str | None


def load_judged_release(reader: sqlite3.Connection) -> JudgedRelease | None:
    """Return the release of the last judging that the gate did not hold."""
    sql = "SELECT release, inputs_digest, context_digest FROM last_judged"
    row = reader.execute(sql).fetchone()
    return JudgedRelease(*row) if row else None


def save_judged_release(writer: LedgerWriter, judged: JudgedRelease) -> None:
    """Store the result of a judging in place of the last one."""
    sql = (
        "INSERT OR REPLACE INTO last_judged (id, release, inputs_digest, context_digest) "
        "VALUES (1, ?, ?, ?)"
    )
    with writer.transaction() as transaction:
        transaction.execute(sql, judged.release, judged.inputs_digest, judged.context_digest)


def last_changing_snapshots(reader: sqlite3.Connection) -> dict[str, int]:
    """Return by feed the last snapshot that changed its listings."""
    return {name: last for name, last in reader.execute(CHANGING_SNAPSHOTS_SQL) if last is not None}


def last_accepted_snapshots(reader: sqlite3.Connection) -> dict[str, int]:
    """Return by feed the last accepted snapshot, which may have changed nothing but ranks."""
    sql = (
        "SELECT name, (SELECT id FROM snapshot WHERE feed_id = feed.id AND state = 'fresh' "
        "ORDER BY id DESC LIMIT 1) FROM feed"
    )
    return {name: last for name, last in reader.execute(sql) if last is not None}


def active_entry_ids(reader: sqlite3.Connection, now: str) -> list[int]:
    """Return the ids of the active operator entries; an entry never changes."""
    sql = "SELECT id FROM entry WHERE removed IS NULL AND (expires IS NULL OR expires > ?)"
    return [key for (key,) in reader.execute(f"{sql} ORDER BY id", [now])]


def has_candidate(reader: sqlite3.Connection) -> bool:
    """Return whether the gate holds a candidate."""
    return bool(reader.execute("SELECT EXISTS (SELECT 1 FROM candidate)").fetchone()[0])


def has_expired_address(reader: sqlite3.Connection, now: str) -> bool:
    """Return whether the observations of a blocked address have expired."""
    sql = "SELECT EXISTS (SELECT 1 FROM address WHERE reason IS NULL AND until <= ?)"
    return bool(reader.execute(sql, [now]).fetchone()[0])
