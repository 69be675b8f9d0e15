"""Roll back: republish an earlier release, or undo the last update of one feed."""

from dataclasses import dataclass, replace

from blocklist.config.toml import suggest_name
from blocklist.errors import NotFoundError, UsageError
from blocklist.ledger.db.bulk import BulkTransaction
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


@dataclass(frozen=True, slots=True)
class RollbackResult:
    """The release that a rollback made, and what a person should hear of it."""

    release: Release
    notes: tuple[str, ...]


def roll_back_release(book: LedgerWriter, number: int | None, reason: str) -> RollbackResult:
    """Publish what release `number` was, the one before unless told, under a new number; pin it.

    Only the difference is written. Raise `NotFoundError` where there is no such release, or nothing
    to undo.
    """
    with book.open_database() as db:
        past = list_releases(db.conn)
        entries, over = (
            list(active_entries(db.conn)),
            list(ended_entries(db.conn)),
        )
    target = _find_target(past, number)
    with BulkTransaction(book.database) as bulk:
        before, after = current_verdicts(bulk), verdicts_at(bulk, target.number)
    change = diff_verdicts(before, after)
    if not change:
        message = f"release {past[0].number} is the same as release {target.number}"
        raise NotFoundError(f"{message}: there is nothing to undo")
    new = replace(
        next_release(book, past[0], change, "release rollback"),
        reason=reason or f"back to release {target.number}",
        origin=target.number,
        feeds=target.feeds,
        categories=target.categories,
        basis=target.basis,
    )
    publish_release(book, new, change, pinned=True)
    mine = after.filter(after["reason"] == Reason.OPERATOR.value)
    known = set(mine.select("value", "scope", "verdict").iter_rows())
    again = _describe_revived_entries(over, known - set(map(_entry_key, entries)), target.number)
    return RollbackResult(new, (*_describe_lost_entries(entries, known, target.number), *again))


def _find_target(past: list[Release], number: int | None) -> Release:
    if not past:
        raise NotFoundError("there is no release yet, so there is nothing to undo")
    wanted = number
    if wanted is None:
        # Of a rollback it is the one before the release that came back.
        wanted = (past[0].origin or past[0].number) - 1
        if wanted < 1:
            raise NotFoundError("there is no release before this one, so there is nothing to undo")
    found = next((release for release in past if release.number == wanted), None)
    if found is None:
        raise NotFoundError(f"there is no release {wanted}; see: blocklist release list")
    if found.pruned:
        raise NotFoundError(f"release {wanted} was pruned; see: blocklist release list")
    return found


def _describe_lost_entries(
    entries: list[Entry], known: set[tuple[str, str, str]], number: int
) -> list[str]:
    return [
        f"your {entry.action} of {entry.value} ({entry.scope}) is not in release {number}, "
        "and so no longer in force"
        for entry in entries
        if _entry_key(entry) not in known and not _is_held_rejection(entry, known)
    ]


def _is_held_rejection(entry: Entry, known: set[tuple[str, str, str]]) -> bool:
    """Return whether a rejection is in force as a hold, for there was new evidence."""
    held = (entry.value, entry.scope.value, Verdict.HOLD.value)
    return entry.seen is not None and held in known


def _describe_revived_entries(
    over: list[Entry], known: set[tuple[str, str, str]], number: int
) -> list[str]:
    return [
        f"your {action} of {value} ({scope}) is over, but in force again: it is in release {number}"
        for value, scope, action in dict.fromkeys(map(_entry_key, over))
        if (value, scope, action) in known
    ]


def _entry_key(entry: Entry) -> tuple[str, str, str]:
    return entry.value, entry.scope.value, entry.action.value


def undo_feed_update(book: LedgerWriter, name: str, reason: str) -> SnapshotChange:
    """Undo the last update of a feed, and pin the feed so that it does not come again.

    Raise `NotFoundError` where there is no such feed, or nothing to take back.
    """
    with book.open_database() as db:
        known = load_feed_health(db.conn)
    if name not in known:
        raise NotFoundError(f"{name}: no such feed was ever collected{suggest_name(name, known)}")
    if known[name].pinned:
        raise UsageError(f"{name}: is pinned since {known[name].pinned}; its update is out already")
    change = undo_last_snapshot(book, known[name], reason)
    if change is None:
        raise NotFoundError(
            f"{name}: has no earlier update to go back to; "
            f"switch it off with: enabled = false in [feeds.{name}]"
        )
    return change
