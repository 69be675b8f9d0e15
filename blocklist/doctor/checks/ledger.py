"""Checks of the ledger: feeds, guards, exports, allow entries, clock, last run -> findings."""

import sqlite3
from collections.abc import Iterator

from blocklist.config.loader import Config
from blocklist.doctor.finding import Finding, problem, warning
from blocklist.ledger.db.lock import find_lock_holder
from blocklist.ledger.db.runs import find_future_run, latest_run
from blocklist.ledger.db.timestamps import current_timestamp
from blocklist.ledger.feeds.health import load_feed_health
from blocklist.ledger.operator.entries import active_entries
from blocklist.ledger.operator.entry_notes import annotate_entries
from blocklist.ledger.releases.export_state import load_export_states
from blocklist.ledger.releases.history import list_releases
from blocklist.model import FeedState, Verdict
from blocklist.release.gate.guard_health import find_guard_faults


def check_feeds(config: Config, reader: sqlite3.Connection) -> Iterator[Finding]:
    """Find enabled feeds and guards that were never collected, or whose last look went wrong."""
    known = load_feed_health(reader)
    for feed in config.enabled_sources:
        health = known.get(feed.name)
        if health is None or health.state is FeedState.NEVER:
            yield warning("was never collected", feed.config_key, f"blocklist update {feed.name}")
        elif not health.state.is_good:
            good = (
                f"its last good is of {health.good_at}" if health.good_at else "it never was good"
            )
            remedy = f"see what it says now: blocklist update {feed.name}; or disable it"
            yield warning(f"{health.state}: {health.cause}; {good}", feed.config_key, remedy)
        elif not health.entries:
            yield warning(
                "lists nothing", feed.config_key, "disable it, or see: blocklist feeds test URL"
            )


def check_guards(config: Config, reader: sqlite3.Connection) -> Iterator[Finding]:
    """Find mandatory guards without which the gate lets no release out."""
    for cause in find_guard_faults(config, load_feed_health(reader)):
        yield problem(cause, config.path or "the catalogue", "blocklist update, then see its error")


def check_exports(config: Config, reader: sqlite3.Connection) -> Iterator[Finding]:
    """Find exports that were never written, or are not there any more."""
    if not list_releases(reader):
        if config.exports:
            yield warning("there is no release yet", "exports", "blocklist run")
        return
    known = load_export_states(reader)
    for name, export in config.exports.items():
        row = known.get(name)
        if row is None or row["path"] != str(export.path):
            yield problem("was never written there", export.path, f"blocklist export {name}")
        elif not export.path.exists():
            remedy = f"blocklist export {name}"
            yield problem(f"is missing; it was written at {row['written']}", export.path, remedy)


def check_allow_entries(config: Config, reader: sqlite3.Connection) -> Iterator[Finding]:
    """Find allows that never had anything to allow, and those that end within a day."""
    del config
    allowed = (entry for entry in active_entries(reader) if entry.action is Verdict.ALLOW)
    for entry, note in annotate_entries(reader, allowed):
        if note:
            remedy = (
                f"make it anew if it is still needed, else: blocklist allow remove {entry.value}"
            )
            yield warning(note, f"allow {entry.value} ({entry.scope})", remedy)


def check_clock(config: Config, reader: sqlite3.Connection) -> Iterator[Finding]:
    """Find that the clock stands before the last run, so that times and serials would lie."""
    last = find_future_run(reader)
    if last:
        what = f"the clock says {current_timestamp()}, and the last run began at {last.started}"
        yield problem(what, "the system's clock", "set it, best by NTP, before the next run")


def check_last_run(config: Config, reader: sqlite3.Connection) -> Iterator[Finding]:
    """Find that the last command that wrote did not end well."""
    last = latest_run(reader)
    if last and last.finished is None and not find_lock_holder(config.database):
        what = f"{last.command}, begun at {last.started}, did not end well; what was complete stays"
        yield warning(what, config.database, f"blocklist {last.command}")
