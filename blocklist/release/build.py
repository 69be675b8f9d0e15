"""Build a release, or keep the current one if its inputs are unchanged.

No heavy imports: a run in which nothing changed ends here.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from blocklist.config.loader import Config
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.release.inputs_digest import load_build_status
from blocklist.release.result import BuildResult

if TYPE_CHECKING:
    from blocklist.release.proposal import ExportVerifier


def build_release(
    config: Config,
    book: LedgerWriter,
    cause: str,
    accepted: Iterable[str] = (),
    rehearse: "ExportVerifier | None" = None,
) -> BuildResult:
    """Judge all that is listed and publish what changed; nothing changed is no new release.

    Raise `GateHeld` (exit 3) with every objection when the candidate may not be published: it is
    kept, and what the operator decided is published without it. All that feeds `accepted` by a
    person have changed is within any budget. Whoever is to `rehearse` has to find nothing wrong
    with the exports of what is to be published. While a release is pinned, nothing happens; and
    where the judge would look at what it looked at last, it is not asked.
    """
    now = load_build_status(config, book)
    if now.release and (now.pin or now.is_unchanged):
        return BuildResult(now.release, is_new=False, pin=now.pin)
    from blocklist.release.full_build import judge_and_publish

    return judge_and_publish(config, book, cause, accepted, rehearse)
