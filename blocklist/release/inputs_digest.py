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
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.feeds.echoes import (
    is_echo_detection_current,
    is_echo_detection_due,
    load_echoes,
)
from blocklist.ledger.feeds.exempting import load_exempting
from blocklist.ledger.feeds.health import load_feed_health
from blocklist.ledger.operator.pending import find_pending_changes
from blocklist.ledger.releases.history import Release, current_release
from blocklist.ledger.releases.last_judged import (
    active_entry_ids,
    has_candidate,
    has_expired_address,
    last_accepted_snapshots,
    last_changing_snapshots,
    load_judged_release,
)
from blocklist.ledger.releases.pins import Pin, find_release_pin
from blocklist.model import Entry, FeedWeight
from blocklist.release.feed_weights import compute_feed_weights
from blocklist.release.gate.guard_health import find_guard_faults


@dataclass(frozen=True, slots=True)
class BuildStatus:
    """The current release, its pin, and whether a build would give the same release again."""

    release: Release | None
    pin: Pin | None
    is_unchanged: bool
    #: Whether entries were decided that the release does not express.
    has_pending: bool


def load_build_status(config: Config, writer: LedgerWriter) -> BuildStatus:
    """Return the current release, and whether the inputs of the judge changed since."""
    with read_transaction(writer.database) as transaction:
        reader = transaction.connection
        release, pin = current_release(reader), find_release_pin(reader)
        is_unchanged = release is not None and _is_unchanged(config, reader, release)
        return BuildStatus(release, pin, is_unchanged, bool(find_pending_changes(reader)))


def compute_inputs_digest(
    config: Config, reader: sqlite3.Connection, weights: list[FeedWeight]
) -> str:
    """Return a digest of all inputs of the judge, for the given feed weights.

    The listings of a feed are represented by the last snapshot that changed them, the operator's
    entries by their numbers, and everything outside the ledger by the program's fingerprint.
    """
    snapshots = last_changing_snapshots(reader)
    inputs = (
        _collect_context(config, reader, weights),
        [snapshots.get(weight.feed) for weight in weights],
        active_entry_ids(reader, current_timestamp()),
    )
    return sha256(repr(inputs).encode()).hexdigest()


def compute_context_digest(
    config: Config, reader: sqlite3.Connection, weights: list[FeedWeight], entries: list[Entry]
) -> str:
    """Return a digest of all inputs of the judge except listings.

    It contains the entries themselves, because the effect of an entry may depend on listings.
    """
    context = (_collect_context(config, reader, weights), entries)
    return sha256(repr(context).encode()).hexdigest()


def _collect_context(
    config: Config, reader: sqlite3.Connection, weights: list[FeedWeight]
) -> object:
    policy = config.policy
    guards = [guard for guard in config.guards.values() if guard.enabled]
    snapshots = last_changing_snapshots(reader)
    if any(guard.has_ranks for guard in guards):
        accepted = last_accepted_snapshots(reader)
        snapshots |= {
            guard.name: accepted.get(guard.name, 0) for guard in guards if guard.has_ranks
        }
    return (
        fingerprint.program_fingerprint(),
        (policy.own, policy.widen, policy.threshold),
        (policy.popular_always, policy.popular_score),
        weights,
        [(guard.name, guard.guard, guard.has_ranks, snapshots.get(guard.name)) for guard in guards],
        load_exempting(reader),
        [(name, feed.category) for name, feed in config.scoring_feeds.items()],
    )


def _is_unchanged(config: Config, reader: sqlite3.Connection, release: Release) -> bool:
    healths = load_feed_health(reader)
    if not release.blocked or has_candidate(reader) or find_guard_faults(config, healths):
        return False  # the gate must report this in each build
    if has_expired_address(reader, current_timestamp()) or (
        is_echo_detection_due(reader) and not is_echo_detection_current(reader)
    ):
        return False
    weights = compute_feed_weights(config, healths, load_echoes(reader))
    return not have_inputs_changed(config, reader, release, weights)


def have_inputs_changed(
    config: Config, reader: sqlite3.Connection, release: Release, weights: list[FeedWeight]
) -> bool:
    """Return whether the inputs of the judge differ from those of the current release."""
    judged = load_judged_release(reader)
    if judged is None or judged.release != release.number:
        return True
    return judged.inputs_digest != compute_inputs_digest(config, reader, weights)
