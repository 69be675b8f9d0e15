"""Read the health of feeds: connection -> state, validators and entry counts by feed."""

import sqlite3
from dataclasses import dataclass

from blocklist.ledger.db.connection import HISTORY_VERSION, schema_version
from blocklist.model import NO_VALIDATORS, FeedState, Validators

#: How many accepted snapshots tell what is usual: slow loss shows, and a lasting change passes.
_RECENT_SNAPSHOTS = 5
# A database that nothing has written to since an upgrade is still read.
_VERSION_2_COLUMNS = ("good_at", "retry_at", "expires", "etag", "modified", "source")


@dataclass(frozen=True, slots=True)
class FeedHealth:
    """How a feed stands: what the last look gave and what is in force from it."""

    name: str
    id: int
    state: FeedState
    cause: str | None
    #: When it was last looked at, and when a snapshot was last accepted (ISO 8601, UTC).
    checked: str | None
    accepted_at: str | None
    #: Tells whether a snapshot and the way it is read are those of the last accepted one.
    fingerprint: str | None
    entries: int
    #: When it was last found fresh or unchanged.
    good_at: str | None = None
    #: Before this its server wants no request.
    retry_at: str | None = None
    #: How many seconds the list itself asks to be left alone.
    expires: int | None = None
    #: Since when a person wants it left as it is.
    pinned: str | None = None
    validators: Validators = NO_VALIDATORS


def load_feed_health(reader: sqlite3.Connection) -> dict[str, FeedHealth]:
    """Return the health of all feeds ever seen, by name."""
    known = schema_version(reader)
    later = [name if known >= 2 else f"NULL AS {name}" for name in _VERSION_2_COLUMNS]
    pinned = "(SELECT created FROM pin WHERE feed_id = feed.id AND ended IS NULL)"
    later.insert(3, pinned if known >= HISTORY_VERSION else "NULL")
    rows = reader.execute(
        "SELECT name, id, state, cause, checked, accepted_at, fingerprint, entries, "
        f"{', '.join(later)} FROM feed"
    )
    return {
        name: FeedHealth(name, key, FeedState(state), *rest, Validators(*said))  # type: ignore[call-arg]
        for name, key, state, *rest, said in ((*row[:-3], row[-3:]) for row in rows)
    }


def usual_entry_count(
    reader: sqlite3.Connection, feed: FeedHealth, max_shrink: float, max_growth: float
) -> int:
    """Return the median of how many entries the feed's last accepted snapshots had.

    0 for a feed that was never accepted; what is in force where no snapshot says it. A step beyond
    these limits was accepted because somebody meant it, and what was usual before is history.
    """
    from statistics import median_low

    sql = (
        "SELECT entries FROM snapshot WHERE feed_id = ? AND state = 'fresh' "
        "AND entries IS NOT NULL ORDER BY id DESC LIMIT ?"
    )
    counts = [count for (count,) in reader.execute(sql, [feed.id, 2 * _RECENT_SNAPSHOTS])]
    usual: list[int] = []
    for count in reversed(counts):
        before = median_low(usual) if usual else count
        if not before * (1 - max_shrink) <= count <= before * max_growth:
            usual.clear()
        usual = [*usual, count][-_RECENT_SNAPSHOTS:]
    return median_low(usual) if usual and feed.entries else feed.entries
