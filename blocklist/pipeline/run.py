"""Run the main job: update, resolve, build, export -> RunReport, also if it ends in the middle."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from blocklist.collect.update import lift_size_limits, select_feeds
from blocklist.config.exports import Export
from blocklist.config.feeds import Feed
from blocklist.config.loader import Config
from blocklist.errors import BlocklistError, GateHeld
from blocklist.export.rehearsal import Rehearsal
from blocklist.export.run import select_exports
from blocklist.ledger.db.runs import find_run_ahead
from blocklist.ledger.db.timestamps import current_timestamp
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import LedgerWriter, open_ledger_writer
from blocklist.ledger.operator.pending import PendingChange
from blocklist.ledger.releases.history import current_release
from blocklist.pipeline.events import (
    EventKind,
    ProgressCallback,
    ProgressEvent,
    Stage,
    ignore_progress,
)
from blocklist.pipeline.reports import RunReport
from blocklist.pipeline.stages import (
    build_stage,
    entry_stage,
    expire_stage,
    export_stage,
    load_pending_changes,
    open_rehearsal,
    update_stage,
)

logger = logging.getLogger(__name__)

#: After the judging, entries may be decided in so many rounds; the rest waits for the next run.
_MAX_LATE_ROUNDS = 3


def run_pipeline(
    config: Config, accept: Sequence[str] = (), progress: ProgressCallback = ignore_progress
) -> RunReport:
    """Update the enabled feeds, resolve, build a release and export it.

    The feeds in `accept` may shrink and grow without limit, and their changes count against no
    budget of the gate. An error before any feed was updated is raised: a mistake in the
    configuration, an unknown feed, a lock that is held. A later error ends the job and is in the
    report.
    """
    if config.resolve.enabled:
        _refuse_event_loop()
    job = _Job(config, accept, progress)
    try:
        job.run(lift_size_limits(select_feeds(config, []), list(accept)))
    except BlocklistError as error:
        if job.report.feeds is None:
            raise
        logger.error("the run ended in the middle: %s", error)
        return replace(job.report, error=error)
    return job.report


def _refuse_event_loop() -> None:
    from blocklist.pipeline.resolving import refuse_event_loop

    refuse_event_loop("run")


class _Job:
    """One run. Its report is replaced as each stage ends."""

    def __init__(self, config: Config, accept: Sequence[str], progress: ProgressCallback) -> None:
        self.report = RunReport()
        self._config = config
        self._accept = accept
        self._progress = progress

    def run(self, feeds: list[Feed]) -> None:
        exports = select_exports(self._config, [])
        with (
            open_ledger_writer(self._config.database, "run") as writer,
            open_rehearsal(self._config, writer, self._emit) as rehearsal,
        ):
            self._check_clock(writer)
            update_stage(self._config, writer, feeds, self._emit)
            expire_stage(writer, self._emit)
            if self._config.resolve.enabled:
                self._resolve(writer)
            before = load_pending_changes(writer)
            self._build(writer, rehearsal)
            # Also if the gate held the release: what the operator decided is published anyway.
            export_stage(self._config, writer, exports, self._emit, rehearsal)
            self._publish_late_entries(writer, exports, rehearsal, before)

    def _emit(self, event: ProgressEvent) -> None:
        """Pass an event on; add the result of a stage that ends to the report."""
        if event.kind is EventKind.END:
            self.report = self.report.with_result(event.stage, event.result)
        self._progress(event)

    def _check_clock(self, writer: LedgerWriter) -> None:
        with read_transaction(writer.database) as transaction:
            last = find_run_ahead(transaction.connection, writer.run_id)
        if last is None:
            return
        text = (
            f"the clock says {current_timestamp()}, and the last run began at {last.started}: what "
            "is stored now gets a wrong date, and feeds may be fetched too late; set the system's "
            "clock, best by NTP"
        )
        logger.warning(text)
        self.report = replace(self.report, clock_warning=text)
        self._progress(ProgressEvent(Stage.UPDATE, EventKind.WARNING, text))

    def _resolve(self, writer: LedgerWriter) -> None:
        from blocklist.pipeline.resolving import resolve_stage

        resolve_stage(self._config, writer, self._emit)

    def _build(self, writer: LedgerWriter, rehearsal: Rehearsal) -> None:
        """Build a release; if the gate holds it, go on, unless nothing is published yet."""
        self._progress(ProgressEvent(Stage.BUILD, EventKind.NOTE, "judging"))
        try:
            build_stage(self._config, writer, "run", self._accept, rehearsal, self._emit)
        except GateHeld:
            with read_transaction(writer.database) as transaction:
                if current_release(transaction.connection) is None:
                    raise

    def _publish_late_entries(
        self,
        writer: LedgerWriter,
        exports: list[Export],
        rehearsal: Rehearsal,
        before: list[PendingChange],
    ) -> None:
        """Publish and export what was decided during the run, so that no decision waits.

        What was pending `before` the build is in its release, or the build reported why not.
        """
        for _ in range(_MAX_LATE_ROUNDS):
            pending = load_pending_changes(writer)
            if all(change in before for change in pending):
                return
            before = pending
            if entry_stage(self._config, writer, "run", rehearsal, self._emit) is None:
                return
            export_stage(self._config, writer, exports, self._emit, rehearsal)
