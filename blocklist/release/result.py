"""Result of a build: the current release, and whether the build made it."""

from dataclasses import dataclass

from blocklist.ledger.releases.history import Release
from blocklist.ledger.releases.pins import Pin


@dataclass(frozen=True, slots=True)
class BuildResult:
    """The release in force after a build, and whether the build made it.

    `notes` are what a person should hear of it; with a `pin`, nothing was judged at all.
    """

    release: Release
    is_new: bool
    notes: tuple[str, ...] = ()
    pin: Pin | None = None
