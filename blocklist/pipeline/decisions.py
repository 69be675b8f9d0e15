"""Publish a decision at once: pending entries -> a release of them alone, exported and loaded.

Nothing is fetched, and no job lock is held: a decision takes effect while a run works.
"""

import logging
from contextlib import ExitStack

from blocklist.config.loader import Config
from blocklist.errors import StaleRelease
from blocklist.export.rehearsal import Rehearsal
from blocklist.export.run import select_exports
from blocklist.ledger.db.lock import hold_publication_lock
from blocklist.ledger.db.writer import LedgerWriter, open_run
from blocklist.pipeline.events import EventKind, ProgressCallback, ProgressEvent, Stage
from blocklist.pipeline.reports import PublishReport
from blocklist.pipeline.stages import export_stage, open_rehearsal
from blocklist.release.entry_release import publish_entries_once
from blocklist.release.result import BuildResult

logger = logging.getLogger(__name__)

#: A job publishes once in minutes, so a second attempt is rare.
_ATTEMPTS = 10


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
            rehearsal = stack.enter_context(open_rehearsal(config, writer, progress))
            built = _publish(config, writer, command, rehearsal)
        if built.is_new:
            progress(ProgressEvent(Stage.PUBLISH, EventKind.END, result=built.release))
        for note in built.notes:
            progress(ProgressEvent(Stage.PUBLISH, EventKind.WARNING, note))
        exports = export_stage(config, writer, select_exports(config, []), progress, rehearsal)
        return PublishReport(built.release, exports, built.notes)


def _publish(
    config: Config, writer: LedgerWriter, command: str, rehearsal: Rehearsal
) -> BuildResult:
    """Publish the pending entries; begin again if a job published a release meanwhile."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return publish_entries_once(config, writer, command, rehearsal)
        except StaleRelease as stale:
            logger.info("%s; computing the release again", stale)
    return publish_entries_once(config, writer, command, rehearsal)
