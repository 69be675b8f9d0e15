"""Status: configuration and ledger -> release, candidate, pins, feeds, exports, last run."""

from dataclasses import dataclass
from datetime import timedelta

from blocklist.config.exports import Export
from blocklist.config.feeds import Feed
from blocklist.config.loader import Config
from blocklist.ledger.db.connection import open_read_only
from blocklist.ledger.db.lock import find_lock_holder
from blocklist.ledger.db.runs import Run, latest_run
from blocklist.ledger.feeds.age import overdue_time
from blocklist.ledger.feeds.health import FeedHealth, load_feed_health
from blocklist.ledger.releases.candidate import Candidate, load_candidate
from blocklist.ledger.releases.export_state import ExportRow, load_export_states
from blocklist.ledger.releases.history import Release, current_release
from blocklist.ledger.releases.pins import Pin, list_pins
from blocklist.model import FeedState


@dataclass(frozen=True, slots=True)
class FeedAge:
    """An enabled feed or guard, and how old what is in force from it is."""

    name: str
    state: FeedState
    #: Why the last update failed or was refused.
    cause: str | None
    entries: int
    #: When the feed was last good (ISO 8601, UTC); None if it never was.
    good_at: str | None
    #: For how long its last good snapshot has been too old; zero if it is not.
    overdue: timedelta
    #: Since when the feed is pinned.
    pinned: str | None


@dataclass(frozen=True, slots=True)
class ExportStatus:
    """A configured export, and the file that was last written for it."""

    name: str
    path: str
    #: The release that its content was first rendered from, and when; None if it was never written.
    release: int | None
    written: str | None
    #: Whether there is a file at the path.
    exists: bool


@dataclass(frozen=True, slots=True)
class Status:
    """What a configuration and its ledger hold now."""

    config: str | None
    database: str
    #: None if there is none yet.
    release: Release | None
    #: The release that the gate holds, with its objections.
    candidate: Candidate | None
    pins: tuple[Pin, ...]
    #: Guards, then feeds.
    feeds: tuple[FeedAge, ...]
    exports: tuple[ExportStatus, ...]
    #: The command that wrote last; it did not end well if it is not `finished` and nobody writes.
    last_run: Run | None
    #: The process and command that write just now.
    writer: str | None


def load_status(config: Config) -> Status:
    """Return the status; raise `StorageError` if the ledger cannot be read."""
    with open_read_only(config.database) as reader:
        health = load_feed_health(reader) if reader else {}
        written = load_export_states(reader) if reader else {}
        return Status(
            config=str(config.path) if config.path else None,
            database=str(config.database),
            release=current_release(reader) if reader else None,
            candidate=load_candidate(reader) if reader else None,
            pins=tuple(list_pins(reader)) if reader else (),
            feeds=tuple(_feed_age(feed, health.get(feed.name)) for feed in config.enabled_sources),
            exports=tuple(_export_status(one, written) for one in config.exports.values()),
            last_run=latest_run(reader) if reader else None,
            writer=find_lock_holder(config.database),
        )


def _feed_age(feed: Feed, health: FeedHealth | None) -> FeedAge:
    if health is None:
        return FeedAge(feed.name, FeedState.NEVER, None, 0, None, timedelta(), None)
    overdue = overdue_time(feed, health)
    return FeedAge(
        feed.name, health.state, health.cause, health.entries, health.good_at, overdue,
        health.pinned,
    )  # fmt: skip


def _export_status(export: Export, written: dict[str, ExportRow]) -> ExportStatus:
    row = written.get(export.name)
    if row is None or row["path"] != str(export.path):
        return ExportStatus(export.name, str(export.path), None, None, export.path.exists())
    return ExportStatus(
        export.name, str(export.path), int(row["release"] or 0), str(row["written"]),
        export.path.exists(),
    )  # fmt: skip
