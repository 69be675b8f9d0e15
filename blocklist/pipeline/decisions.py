"""Publish a decision at once: pending entries -> a release of them alone, exported and loaded.

Nothing is fetched, and no job lock is held: a decision takes effect while a run works.
"""

from contextlib import ExitStack
from functools import partial

from blocklist.config.loader import Config
from blocklist.export.run import select_exports
from blocklist.ledger.db.lock import hold_publication_lock
from blocklist.ledger.db.writer import open_run
from blocklist.pipeline.events import EventKind, ProgressCallback, ProgressEvent, Stage
from blocklist.pipeline.reports import PublishReport
from blocklist.pipeline.stages import export_stage, open_rehearsal
from blocklist.release.entry_release import publish_entries_once
from blocklist.release.publication import publish_by_decision


def publish_decisions(config: Config, command: str, progress: ProgressCallback) -> PublishReport:
    """Publish all pending entries, write the exports, and have the servers load them.

    Decisions are published one after the other. If another process has published these meanwhile,
    there is no new release, but its exports are waited for. Raise `NotFoundError` if there is no
    release yet, `GateHeld` if an export of the release would have faults, and `LockHeld` if another
    publication takes too long. The entries stay in any case, and count from the next run on.
    """
    with ExitStack() as stack:
        with (
            hold_publication_lock(config.database, command),
            open_run(config.database, command) as writer,
        ):
            rehearsal = stack.enter_context(open_rehearsal(config, writer, progress, hot_only=True))
            built = publish_by_decision(
                partial(publish_entries_once, config, writer, command, rehearsal or None)
            )
        if built.is_new:
            progress(ProgressEvent(Stage.PUBLISH, EventKind.END, result=built.release))
        for note in built.notes:
            progress(ProgressEvent(Stage.PUBLISH, EventKind.WARNING, note))
        selected = select_exports(config, [])
        exports = export_stage(config, writer, selected, progress, rehearsal, hot_only=True)
        return PublishReport(built.release, exports, built.notes)
