"""Check the ledger: clock, last run, guards, feeds, allow entries, integrity -> findings."""

import sqlite3
from collections.abc import Iterator

from blocklist.config.loader import Config
from blocklist.doctor.finding import Finding, problem, warning
from blocklist.doctor.registry import ledger_check
from blocklist.ledger.db.connection import find_database_faults
from blocklist.ledger.db.lock import find_lock_holder, find_publisher
from blocklist.ledger.db.runs import find_future_run, find_interrupted_run
from blocklist.ledger.db.timestamps import current_timestamp
from blocklist.ledger.feeds.health import load_feed_health
from blocklist.ledger.feeds.line_counts import load_line_counts
from blocklist.ledger.operator.entries import active_entries
from blocklist.ledger.operator.entry_notes import NOT_IN_FORCE, annotate_entries
from blocklist.model import FeedState, Verdict
from blocklist.release.gate.guard_health import find_guard_faults


@ledger_check("clock")
def check_clock(_config: Config, reader: sqlite3.Connection) -> Iterator[Finding]:
    """Find a clock that is before the last run, which makes times and serials wrong."""
    run = find_future_run(reader)
    if run:
        what = f"the clock says {current_timestamp()}, and the last run began at {run.started}"
        yield problem(what, "the system's clock", "set it, best by NTP, before the next run")


@ledger_check("run")
def check_last_run(config: Config, reader: sqlite3.Connection) -> Iterator[Finding]:
    """Find that a command that wrote was interrupted, and not repeated since."""
    run = find_interrupted_run(reader)
    if run and not (find_lock_holder(config.database) or find_publisher(config.database)):
        what = f"{run.command}, begun at {run.started}, did not end well; what was complete stays"
        yield warning(what, config.database, f"blocklist {run.command}")


@ledger_check("guards")
def check_guards(config: Config, reader: sqlite3.Connection) -> Iterator[Finding]:
    """Find mandatory guards that make the gate hold every release."""
    for cause in find_guard_faults(config, load_feed_health(reader)):
        yield problem(cause, config.path or "the catalogue", "blocklist update, then see its error")


@ledger_check("feeds")
def check_feeds(config: Config, reader: sqlite3.Connection) -> Iterator[Finding]:
    """Find enabled feeds and guards that were never collected, failed last time or are empty."""
    healths = load_feed_health(reader)
    for feed in config.enabled_sources:
        health = healths.get(feed.name)
        if health is None or health.state is FeedState.NEVER:
            yield warning("was never collected", feed.config_key, f"blocklist update {feed.name}")
        elif not health.state.is_good:
            last_good = (
                f"its last good version is of {health.good_at}"
                if health.good_at
                else "it never had a good version"
            )
            remedy = f"see the error again: blocklist update {feed.name}; or disable it"
            yield warning(f"{health.state}: {health.cause}; {last_good}", feed.config_key, remedy)
        elif not health.entries and not feed.can_be_empty:
            remedy = "set `can_be_empty` if this is correct, or see: blocklist feeds test URL"
            yield warning("lists nothing", feed.config_key, remedy)


@ledger_check("lines")
def check_unread_lines(config: Config, reader: sqlite3.Connection) -> Iterator[Finding]:
    """Find enabled feeds and guards of which many lines were not read."""
    counts = load_line_counts(reader)
    for feed in config.enabled_sources:
        lines = counts.get(feed.name)
        if lines and lines.is_suspicious:
            remedy = f"see which: blocklist feeds show {feed.name}; another `format` may fit better"
            yield warning(lines.describe_unread(), feed.config_key, remedy)


@ledger_check("allows")
def check_allow_entries(_config: Config, reader: sqlite3.Connection) -> Iterator[Finding]:
    """Find allow entries that never matched a listing, and those that expire within a day."""
    allows = (entry for entry in active_entries(reader) if entry.action is Verdict.ALLOW)
    for entry, note in annotate_entries(reader, allows):
        if note:
            remedy = (
                "blocklist run"
                if NOT_IN_FORCE in note
                else f"add it again if it is still needed, or: blocklist allow remove {entry.value}"
            )
            yield warning(note, f"allow {entry.value} ({entry.scope})", remedy)


@ledger_check("integrity")
def check_integrity(config: Config, reader: sqlite3.Connection) -> Iterator[Finding]:
    """Find a damaged database, and rows that refer to missing rows."""
    for fault in find_database_faults(reader):
        remedy = "restore a copy of it, or move it away: the next run makes a new one"
        yield problem(fault, config.database, remedy)
