"""Digest of all inputs of the judge: configuration and ledger -> digest, is a build needed.

Everything that can change a verdict or an objection of the gate is part of the digest. In doubt, a
build is run. No heavy imports: a run in which nothing changed ends here.
"""

import sqlite3
from dataclasses import dataclass
from hashlib import sha256

from blocklist import fingerprint
from blocklist.config.loader import Config
from blocklist.ledger.db.timestamps import current_timestamp
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.feeds.echoes import (
    is_echo_detection_current,
    is_echo_detection_due,
    load_echoes,
)
from blocklist.ledger.feeds.health import load_feed_health
from blocklist.ledger.releases.history import Release, current_release
from blocklist.ledger.releases.last_judged import (
    active_entry_ids,
    has_candidate,
    has_expired_address,
    last_changing_snapshots,
    load_judged_release,
)
from blocklist.ledger.releases.pins import Pin, find_release_pin
from blocklist.model import Entry, FeedWeight
from blocklist.release.feed_weights import compute_feed_weights
from blocklist.release.gate.guard_health import find_guard_faults


@dataclass(frozen=True, slots=True)
class BuildStatus:
    """The release in force, the pin on it, and whether a build would come to the same again."""

    release: Release | None
    pin: Pin | None
    is_unchanged: bool


def load_build_status(config: Config, book: LedgerWriter) -> BuildStatus:
    """Return how the release in force stands to what the judge would look at now."""
    with book.open_connection() as db:
        release, pin = current_release(db), find_release_pin(db)
        return BuildStatus(release, pin, release is not None and _is_unchanged(config, db, release))


def compute_inputs_digest(
    config: Config, reader: sqlite3.Connection, counted: list[FeedWeight]
) -> str:
    """Return a digest of all that the judge looks at, given how the feeds count now.

    What a feed lists is told by the last snapshot that changed it, what the operator wants by the
    numbers of the entries in force, and what is not of this installation's data by the program.
    """
    listed = last_changing_snapshots(reader)
    seen = (
        _collect_context(config, counted, listed),
        [listed.get(vote.feed) for vote in counted],
        active_entry_ids(reader, current_timestamp()),
    )
    return sha256(repr(seen).encode()).hexdigest()


def compute_context_digest(
    config: Config, reader: sqlite3.Connection, counted: list[FeedWeight], entries: list[Entry]
) -> str:
    """Return a digest of all that the judge looks at but what feeds list.

    What an entry of the operator says may hang on what is listed, so it is looked at itself.
    """
    seen = (_collect_context(config, counted, last_changing_snapshots(reader)), entries)
    return sha256(repr(seen).encode()).hexdigest()


def _collect_context(config: Config, counted: list[FeedWeight], listed: dict[str, int]) -> object:
    policy = config.policy
    guards = (guard for guard in config.guards.values() if guard.enabled)
    return (
        fingerprint.program_fingerprint(),
        (policy.own, policy.widen, policy.threshold),
        counted,
        [(guard.name, guard.guard, listed.get(guard.name)) for guard in guards],
        [(name, feed.category) for name, feed in config.scoring_feeds.items()],
    )


def _is_unchanged(config: Config, reader: sqlite3.Connection, release: Release) -> bool:
    known = load_feed_health(reader)
    if not release.blocked or has_candidate(reader) or find_guard_faults(config, known):
        return False  # of this the gate has something to say, each time
    if has_expired_address(reader, current_timestamp()) or (
        is_echo_detection_due(reader) and not is_echo_detection_current(reader)
    ):
        return False
    counted = compute_feed_weights(config, known, load_echoes(reader))
    last = load_judged_release(reader)
    if last is None or last.release != release.number:
        return False
    return last.inputs_digest == compute_inputs_digest(config, reader, counted)
