"""Roll back: republish an earlier release, or undo the last update of one feed."""

import logging
from dataclasses import dataclass, replace

from blocklist.config.mistakes import suggest_name
from blocklist.errors import NotFoundError, UsageError
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.feeds.health import load_feed_health
from blocklist.ledger.feeds.listings import SnapshotChange
from blocklist.ledger.feeds.undo_snapshot import undo_last_snapshot
from blocklist.ledger.operator.entries import active_entries, ended_entries
from blocklist.ledger.releases.history import Release, list_releases
from blocklist.ledger.releases.verdicts import (
    current_verdicts,
    diff_verdicts,
    next_release,
    publish_release,
    verdicts_at,
)
from blocklist.model import Entry, Reason, Verdict
from blocklist.release.publication import publish_by_job
from blocklist.release.result import log_release

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RollbackResult:
    """The release that a rollback made, and notes for a person."""

    release: Release
    notes: tuple[str, ...]


def roll_back_release(writer: LedgerWriter, number: int | None, reason: str) -> RollbackResult:
    """Publish an earlier release again under a new number, and pin it.

    Without a number it is the previous release. Only the difference is written. Raise
    `NotFoundError` if there is no such release, or no difference.
    """
    return publish_by_job(
        writer, "release rollback", lambda: _roll_back_once(writer, number, reason)
    )


def _roll_back_once(writer: LedgerWriter, number: int | None, reason: str) -> RollbackResult:
    with read_transaction(writer.database) as transaction:
        reader = transaction.connection
        releases = list_releases(reader)
        entries, ended = list(active_entries(reader)), list(ended_entries(reader))
        target = _find_target(releases, number)
        before, after = current_verdicts(transaction), verdicts_at(transaction, target.number)
    change = diff_verdicts(before, after)
    if not change:
        message = f"release {releases[0].number} is the same as release {target.number}"
        raise NotFoundError(f"{message}: there is nothing to undo")
    new = replace(
        next_release(writer, releases[0], change, "release rollback"),
        reason=reason or f"back to release {target.number}",
        origin=target.number,
        feeds=target.feeds,
        categories=target.categories,
        basis=target.basis,
    )
    publish_release(writer, new, change, pinned=True)
    log_release(new, f"published and pinned, a rollback to release {target.number}")
    operator_rows = after.filter(after["reason"] == Reason.OPERATOR.value)
    restored_keys = set(operator_rows.select("value", "scope", "verdict").iter_rows())
    revived = _describe_revived_entries(
        ended, restored_keys - set(map(_entry_key, entries)), target.number
    )
    return RollbackResult(
        new, (*_describe_lost_entries(entries, restored_keys, target.number), *revived)
    )


def _find_target(releases: list[Release], number: int | None) -> Release:
    if not releases:
        raise NotFoundError("there is no release yet, so there is nothing to undo")
    target_number = number
    if target_number is None:
        # After a rollback, the previous release is the one before the restored release.
        target_number = (releases[0].origin or releases[0].number) - 1
        if target_number < 1:
            raise NotFoundError("there is no release before this one, so there is nothing to undo")
    target = next((release for release in releases if release.number == target_number), None)
    if target is None:
        raise NotFoundError(f"there is no release {target_number}; see: blocklist release list")
    if target.pruned:
        raise NotFoundError(f"release {target_number} was pruned; see: blocklist release list")
    return target


def _describe_lost_entries(
    entries: list[Entry], restored_keys: set[tuple[str, str, str]], number: int
) -> list[str]:
    return [
        f"your {entry.action} of {entry.value} ({entry.scope}) is not in release {number}, "
        "so it is no longer in force"
        for entry in entries
        if _entry_key(entry) not in restored_keys and not _is_held_rejection(entry, restored_keys)
    ]


def _is_held_rejection(entry: Entry, restored_keys: set[tuple[str, str, str]]) -> bool:
    """Return whether a rejection is in force as a hold, because there was new evidence."""
    hold_key = (entry.value, entry.scope.value, Verdict.HOLD.value)
    return entry.seen is not None and hold_key in restored_keys


def _describe_revived_entries(
    ended: list[Entry], revived_keys: set[tuple[str, str, str]], number: int
) -> list[str]:
    return [
        f"your {action} of {value} ({scope}) has ended, but is in force again: "
        f"it is in release {number}"
        for value, scope, action in dict.fromkeys(map(_entry_key, ended))
        if (value, scope, action) in revived_keys
    ]


def _entry_key(entry: Entry) -> tuple[str, str, str]:
    return entry.value, entry.scope.value, entry.action.value


def undo_feed_update(writer: LedgerWriter, name: str, reason: str) -> SnapshotChange:
    """Undo the last update of a feed, and pin the feed so that the update does not return.

    Raise `NotFoundError` if there is no such feed or no earlier update, `UsageError` if it is
    already pinned.
    """
    with read_transaction(writer.database) as transaction:
        healths = load_feed_health(transaction.connection)
    if name not in healths:
        raise NotFoundError(f"{name}: this feed was never collected{suggest_name(name, healths)}")
    if healths[name].pinned:
        raise UsageError(
            f"{name}: is pinned since {healths[name].pinned}; its last update is already undone"
        )
    change = undo_last_snapshot(writer, healths[name], reason)
    if change is None:
        raise NotFoundError(
            f"{name}: has no earlier update to go back to; "
            f"switch it off with: enabled = false in [feeds.{name}]"
        )
    counts = (change.added, change.removed)
    logger.info("feed %s: last update undone and feed pinned, +%d -%d", name, *counts)
    return change
