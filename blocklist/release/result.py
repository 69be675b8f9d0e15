"""Result of a build: the current release, and whether the build made it; its line in the log."""

import logging
from dataclasses import dataclass

from blocklist.ledger.releases.history import Release
from blocklist.ledger.releases.pins import Pin

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BuildResult:
    """The current release after a build, and whether the build made it.

    `notes` are sentences for a person; with a `pin`, nothing was judged.
    """

    release: Release
    is_new: bool
    notes: tuple[str, ...] = ()
    pin: Pin | None = None


def log_release(release: Release, event: str) -> None:
    """Log what happened to a release: it was published, accepted or restored."""
    counts = (release.blocked, release.added, release.removed, release.held)
    logger.info("release %d: %s, %d blocked (+%d -%d), %d held", release.number, event, *counts)
