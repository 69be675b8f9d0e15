"""Read the health of feeds: connection -> state, validators, entry counts by feed."""

import sqlite3
from dataclasses import dataclass

from blocklist.model import NO_VALIDATORS, FeedState, Validators

#: The usual count is a median of so many snapshots: slow loss shows, and a lasting change passes.
_RECENT_SNAPSHOTS = 5


@dataclass(frozen=True, slots=True)
class FeedHealth:
    """The state of a feed: how its last fetch ended, and what it lists."""

    name: str
    id: int
    state: FeedState
    cause: str | None
    #: When it was last fetched, and when a snapshot was last accepted (ISO 8601, UTC).
    checked: str | None
    accepted_at: str | None
    #: Identifies the last accepted snapshot and the way it was parsed.
    fingerprint: str | None
    entries: int
    #: When it was last fresh or unchanged.
    good_at: str | None = None
    #: Before this its server wants no request.
    retry_at: str | None = None
    #: For how many seconds after a fetch the list wants no other.
    expires: int | None = None
    #: Since when a person has pinned it.
    pinned: str | None = None
    validators: Validators = NO_VALIDATORS


def load_feed_health(reader: sqlite3.Connection) -> dict[str, FeedHealth]:
    """Return the health of all feeds ever seen, by name."""
    rows = reader.execute(
        "SELECT name, id, state, cause, checked, accepted_at, fingerprint, entries, good_at, "
        "retry_at, expires, (SELECT created FROM pin WHERE feed_id = feed.id AND ended IS NULL), "
        "etag, modified, source FROM feed"
    )
    return {
        name: FeedHealth(name, key, FeedState(state), *rest, Validators(*validators))  # type: ignore[call-arg]
        for name, key, state, *rest, validators in ((*row[:-3], row[-3:]) for row in rows)
    }


def usual_entry_count(
    reader: sqlite3.Connection, feed: FeedHealth, max_shrink: float, max_growth: float
) -> int:
    """Return the median entry count of the feed's last accepted snapshots.

    Return 0 for a feed that was never accepted, and the current count where no snapshot has one. A
    step beyond the limits was accepted by a person, so counts before it are ignored.
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


def load_peak_counts(reader: sqlite3.Connection, since: str) -> dict[str, int]:
    """Return the highest entry count of the accepted snapshots since a time, by feed."""
    return dict(
        reader.execute(
            "SELECT name, max(snapshot.entries) FROM snapshot JOIN feed ON feed.id = feed_id "
            "JOIN run ON run.id = run_id WHERE snapshot.state = 'fresh' AND started >= ? "
            "AND snapshot.entries IS NOT NULL GROUP BY name",
            [since],
        )
    )
