"""Jobs of one stage: update, build, export or prune alone, each with the ledger's lock held."""

import logging
from collections.abc import Sequence
from pathlib import Path

from blocklist.collect.outcome import UpdateOutcome
from blocklist.collect.update import lift_size_limits, select_feeds
from blocklist.config.loader import Config
from blocklist.export.render.state import ExportOutcome
from blocklist.export.run import select_exports
from blocklist.ledger.db.writer import open_ledger_writer
from blocklist.ledger.prune import PruneResult, prune_history
from blocklist.pipeline.events import ProgressCallback
from blocklist.pipeline.reports import BuildReport
from blocklist.pipeline.stages import (
    build_stage,
    expire_stage,
    export_stage,
    open_rehearsal,
    update_stage,
)

logger = logging.getLogger(__name__)


def run_update(
    config: Config,
    names: Sequence[str] | None,
    accept: Sequence[str],
    progress: ProgressCallback,
) -> tuple[UpdateOutcome, ...]:
    """Update feeds: those named, also if they are not due, or all enabled ones for None."""
    selected = [] if names is not None and not names else select_feeds(config, names or ())
    feeds = lift_size_limits(selected, list(accept))
    if not feeds:
        return ()
    with open_ledger_writer(config.database, "update") as writer:
        return update_stage(config, writer, feeds, progress, named=names is not None)


def run_build(config: Config, progress: ProgressCallback) -> BuildReport:
    """Judge what is listed and publish it, without fetching and exporting; raise `GateHeld`."""
    with (
        open_ledger_writer(config.database, "release build") as writer,
        open_rehearsal(config, writer, progress) as rehearsal,
    ):
        expired = expire_stage(writer, progress)
        built = build_stage(config, writer, "release build", (), rehearsal, progress)
    return BuildReport(expired, built.release, built.is_new, built.notes, built.pin)


def run_export(
    config: Config,
    names: Sequence[str] | None,
    progress: ProgressCallback,
    *,
    force: bool = False,
) -> tuple[ExportOutcome, ...]:
    """Write the current release into the files of the exports named, or of all for None.

    With `force`, files are written and loaded again also if nothing changed.
    """
    if names is not None and not names:
        return ()
    exports = select_exports(config, names or ())
    with open_ledger_writer(config.database, "export") as writer:
        return export_stage(config, writer, exports, progress, force=force)


def run_prune(database: Path, before: str) -> PruneResult:
    """Delete history that ended before a time."""
    with open_ledger_writer(database, "prune") as writer:
        result = prune_history(writer, before)
    logger.info("pruned what ended before %s: %s", before, result)
    return result
