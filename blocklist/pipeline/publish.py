"""Change the current release by hand: accept the candidate, roll back, undo a feed's update."""

from dataclasses import replace

from blocklist.config.loader import Config
from blocklist.errors import GateHeld
from blocklist.export.rehearsal import Rehearsal
from blocklist.export.run import select_exports
from blocklist.ledger.db.writer import LedgerWriter, open_ledger_writer
from blocklist.pipeline.events import EventKind, ProgressCallback, ProgressEvent, Stage
from blocklist.pipeline.reports import PublishReport
from blocklist.pipeline.stages import (
    build_stage,
    export_stage,
    open_rehearsal,
    warn_about_build,
)
from blocklist.release.build import build_release
from blocklist.release.history.accept import accept_candidate
from blocklist.release.history.rollback import roll_back_release, undo_feed_update


def publish_candidate(config: Config, reason: str, progress: ProgressCallback) -> PublishReport:
    """Publish what the gate held, then what was decided since, and write the exports.

    Raise `NotFoundError` if the gate holds nothing, and `GateHeld` if the candidate was judged
    without a sound guard.
    """
    with (
        open_ledger_writer(config.database, "release accept") as writer,
        open_rehearsal(config, writer, progress) as rehearsal,
    ):
        release = accept_candidate(writer, reason)
        progress(ProgressEvent(Stage.PUBLISH, EventKind.END, result=release))
        held = None
        try:
            built = build_release(config, writer, "release accept", (), rehearsal)
        except GateHeld as again:
            held = again
        else:
            release = built.release if built.is_new else release
            warn_about_build(built, progress)
        return _export(config, writer, PublishReport(release, (), held=held), progress, rehearsal)


def roll_back(
    config: Config, number: int | None, reason: str, progress: ProgressCallback
) -> PublishReport:
    """Publish an earlier release under a new number, pin it, and write the exports.

    Without a number it is the release before the current one. Raise `NotFoundError` if there is no
    such release, or it is the same as the current one.
    """
    with open_ledger_writer(config.database, "release rollback") as writer:
        result = roll_back_release(writer, number, reason)
        for note in result.notes:
            progress(ProgressEvent(Stage.PUBLISH, EventKind.WARNING, note))
        pinned = "pinned: only your own entries are published until: blocklist release unpin"
        progress(ProgressEvent(Stage.PUBLISH, EventKind.NOTE, pinned))
        progress(ProgressEvent(Stage.PUBLISH, EventKind.END, result=result.release))
        return _export(config, writer, PublishReport(result.release, (), result.notes), progress)


def undo_last_feed_update(
    config: Config, feed: str, reason: str, progress: ProgressCallback
) -> PublishReport:
    """Undo the last update of one feed, pin the feed, build a release and write the exports.

    Raise `NotFoundError` if there is no such feed or update, and `GateHeld`.
    """
    with open_ledger_writer(config.database, "release rollback") as writer:
        change = undo_feed_update(writer, feed, reason)
        text = (
            f"{feed}: its last update was undone (+{change.added:,} -{change.removed:,}) and "
            f"the feed pinned until: blocklist release unpin --feed {feed}"
        )
        progress(ProgressEvent(Stage.PUBLISH, EventKind.NOTE, text, item=feed))
        with open_rehearsal(config, writer, progress) as rehearsal:
            built = build_stage(config, writer, "release rollback", [feed], rehearsal, progress)
            report = PublishReport(built.release, (), built.notes)
            return _export(config, writer, report, progress, rehearsal)


def _export(
    config: Config,
    writer: LedgerWriter,
    report: PublishReport,
    progress: ProgressCallback,
    rehearsal: Rehearsal | None = None,
) -> PublishReport:
    exports = export_stage(config, writer, select_exports(config, []), progress, rehearsal)
    return replace(report, exports=exports)
