"""How the feeds stand, as the last looks left it."""

import sqlite3
from dataclasses import dataclass

from blocklist.model import FeedState


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


def healths(reader: sqlite3.Connection) -> dict[str, FeedHealth]:
    """Return the health of all feeds ever seen, by name."""
    rows = reader.execute(
        "SELECT name, id, state, cause, checked, accepted_at, fingerprint, entries FROM feed"
    )
    return {
        name: FeedHealth(name, key, FeedState(state), *rest) for name, key, state, *rest in rows
    }
