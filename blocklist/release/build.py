"""Build a release, or keep the current one if its inputs are unchanged.

No heavy imports: a run in which nothing changed ends here.
"""

import logging
from collections.abc import Collection
from typing import TYPE_CHECKING

from blocklist.config.loader import Config
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.release.inputs_digest import load_build_status
from blocklist.release.result import BuildResult

if TYPE_CHECKING:
    from blocklist.release.proposal import ExportVerifier

logger = logging.getLogger(__name__)


def build_release(
    config: Config,
    writer: LedgerWriter,
    cause: str,
    accepted_feeds: Collection[str] = (),
    verify_exports: "ExportVerifier | None" = None,
) -> BuildResult:
    """Judge all listings and publish the changes; without changes there is no new release.

    Raise `GateHeld` (exit 3) with every objection if the candidate may not be published; it is
    stored, and the operator's own changes are published without it. Changes by `accepted_feeds`,
    which a person reviewed, do not count towards any budget. `verify_exports` returns the faults of
    the exports of a proposed release; any fault holds it. While a release is pinned, only the
    entries decided since are published. If all inputs are unchanged, judging is skipped.
    """
    status = load_build_status(config, writer)
    if status.release and status.pin and status.has_pending:
        from blocklist.release.entry_release import publish_entries

        return publish_entries(config, writer, cause, verify_exports)
    if status.release and (status.pin or status.is_unchanged):
        why = f"pinned since {status.pin.created}" if status.pin else "unchanged inputs"
        logger.info("release %d: not judged, %s", status.release.number, why)
        return BuildResult(status.release, is_new=False, pin=status.pin)
    from blocklist.release.full_build import judge_and_publish

    return judge_and_publish(config, writer, cause, accepted_feeds, verify_exports)
