"""The stages of a job: each does its work, emits events and returns its result."""

import logging
from collections.abc import Sequence

from blocklist.collect.outcome import UpdateOutcome
from blocklist.collect.update import update_feeds
from blocklist.config.exports import Export
from blocklist.config.feeds import Feed
from blocklist.config.loader import Config
from blocklist.errors import GateHeld
from blocklist.export.outcomes import find_server_faults, record_outcomes
from blocklist.export.rehearsal import Rehearsal
from blocklist.export.render.state import ExportOutcome
from blocklist.export.run import run_exports, select_exports
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.operator.entries import end_expired_entries
from blocklist.ledger.operator.pending import PendingChange, find_pending_changes
from blocklist.ledger.releases.pins import Pin
from blocklist.model import Entry
from blocklist.pipeline.events import EventKind, ProgressCallback, ProgressEvent, Stage
from blocklist.release.build import build_release
from blocklist.release.result import BuildResult

logger = logging.getLogger(__name__)


def update_stage(
    config: Config,
    writer: LedgerWriter,
    feeds: Sequence[Feed],
    progress: ProgressCallback,
    *,
    named: bool = False,
) -> tuple[UpdateOutcome, ...]:
    """Update feeds; with `named`, also those that are not due."""

    def report_bytes(feed: str, received: int, total: int | None) -> None:
        progress(
            ProgressEvent(Stage.UPDATE, EventKind.ADVANCE, item=feed, done=received, total=total)
        )

    def report_feed(outcome: UpdateOutcome) -> None:
        text = _describe_update(outcome)
        progress(
            ProgressEvent(Stage.UPDATE, EventKind.ITEM, text, item=outcome.feed, result=outcome)
        )

    progress(ProgressEvent(Stage.UPDATE, EventKind.START, total=len(feeds)))
    outcomes = tuple(
        update_feeds(
            config, writer, list(feeds), report_feed, ignore_schedule=named, progress=report_bytes
        )
    )
    progress(ProgressEvent(Stage.UPDATE, EventKind.END, result=outcomes))
    return outcomes


def _describe_update(outcome: UpdateOutcome) -> str:
    note = f", {outcome.note}" if outcome.note else ""
    return f"{outcome.feed}: {outcome.state}, {outcome.entries:,} entries{note}"


def expire_stage(writer: LedgerWriter, progress: ProgressCallback) -> tuple[Entry, ...]:
    """End the entries whose time is over, and return them."""
    expired = tuple(end_expired_entries(writer))
    for entry in expired:
        text = _describe_expiry(entry)
        logger.info("entry ended: %s", text)
        progress(ProgressEvent(Stage.EXPIRE, EventKind.NOTE, text, entry.value, result=entry))
    progress(ProgressEvent(Stage.EXPIRE, EventKind.END, result=expired))
    return expired


def _describe_expiry(entry: Entry) -> str:
    why = f" ({entry.reason})" if entry.reason else ""
    return f"{entry.action} {entry.value} ({entry.scope}) ended at {entry.expires}{why}"


def open_rehearsal(
    config: Config,
    writer: LedgerWriter,
    progress: ProgressCallback,
    *,
    hot_only: bool = False,
) -> Rehearsal:
    """Return a rehearsal, to be used as a context; with `hot_only` without exports with hot zones.

    Hot zones are verified when they are written.
    """

    def report_note(text: str) -> None:
        progress(ProgressEvent(Stage.BUILD, EventKind.NOTE, text))

    exports = [export for export in select_exports(config, []) if not (hot_only and export.hot)]
    return Rehearsal(writer, config, exports, report_note)


def build_stage(
    config: Config,
    writer: LedgerWriter,
    cause: str,
    accept: Sequence[str],
    rehearsal: Rehearsal,
    progress: ProgressCallback,
) -> BuildResult:
    """Judge what is listed and publish it; raise `GateHeld` if the gate holds the release."""
    try:
        built = build_release(config, writer, cause, accept, rehearsal)
    except GateHeld as held:
        progress(ProgressEvent(Stage.BUILD, EventKind.END, result=held))
        raise
    progress(ProgressEvent(Stage.BUILD, EventKind.END, result=built))
    warn_about_build(built, progress)
    return built


def load_pending_changes(writer: LedgerWriter) -> list[PendingChange]:
    """Return the entries that the current release does not express."""
    with read_transaction(writer.database) as transaction:
        return find_pending_changes(transaction.connection)


def entry_stage(
    config: Config,
    writer: LedgerWriter,
    cause: str,
    rehearsal: Rehearsal,
    progress: ProgressCallback,
) -> BuildResult | None:
    """Publish pending entries over the current release; return None if that changes nothing.

    It also returns None, after a warning, if an export would have faults.
    """
    from blocklist.release.entry_release import publish_entries

    try:
        built = publish_entries(config, writer, cause, rehearsal)
    except GateHeld as held:
        progress(ProgressEvent(Stage.BUILD, EventKind.WARNING, str(held)))
        return None
    if not built.is_new:
        return None
    progress(ProgressEvent(Stage.BUILD, EventKind.END, result=built))
    warn_about_build(built, progress)
    return built


def warn_about_build(built: BuildResult, progress: ProgressCallback) -> None:
    """Emit what a person should know of a build."""
    notes = [*built.notes, *([describe_pin(built.pin)] if built.pin else [])]
    for note in notes:
        progress(ProgressEvent(Stage.BUILD, EventKind.WARNING, note))


def describe_pin(pin: Pin) -> str:
    """Return in a sentence that a release is pinned, since when, and how to end that."""
    why = f" ({pin.reason})" if pin.reason else ""
    return (
        f"release {pin.release} is pinned since {pin.created}{why}: only your own entries are "
        "published until: blocklist release unpin"
    )


def export_stage(  # noqa: PLR0913 (options by keyword)
    config: Config,
    writer: LedgerWriter,
    exports: Sequence[Export],
    progress: ProgressCallback,
    rehearsal: Rehearsal | None = None,
    *,
    force: bool = False,
    hot_only: bool = False,
) -> tuple[ExportOutcome, ...]:
    """Bring exports up to the current release; one that fails harms no other.

    With `force`, files are written and loaded again also if nothing changed. `hot_only` is as in
    `run_exports`.
    """

    def report_export(outcome: ExportOutcome) -> None:
        text = f"export {outcome.name}: {outcome.path}"
        progress(
            ProgressEvent(Stage.EXPORT, EventKind.ITEM, text, item=outcome.name, result=outcome)
        )

    def report_note(text: str) -> None:
        progress(ProgressEvent(Stage.EXPORT, EventKind.NOTE, text))

    progress(ProgressEvent(Stage.EXPORT, EventKind.START, total=len(exports)))
    outcomes = tuple(
        run_exports(
            writer,
            config,
            list(exports),
            report_export,
            rehearsal,
            report_note,
            force=force,
            hot_only=hot_only,
        )
    )
    record_outcomes(writer, outcomes)
    for fault in find_server_faults(writer, outcomes):
        progress(ProgressEvent(Stage.EXPORT, EventKind.WARNING, fault))
    progress(ProgressEvent(Stage.EXPORT, EventKind.END, result=outcomes))
    return outcomes
