"""A finding of a check: severity, what is wrong, where, and what to do."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class FindingState(StrEnum):
    """How bad a finding is: a problem stops or spoils the work, a warning may do so one day."""

    FINE = "fine"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check has to say, in words for a person."""

    check: str
    state: FindingState
    what: str
    #: A file, a folder or a key of blocklist.toml.
    where: str
    #: What to do next, a command where there is one.
    remedy: str
    #: Mends it; for what needs no decision, and does no harm while nothing else writes.
    mend: Callable[[], None] | None = None


def problem(what: str, where: object, remedy: str) -> Finding:
    """Return what stops or spoils the work; the check's own name is added by who calls it."""
    return Finding("", FindingState.PROBLEM, what, str(where), remedy)


def warning(
    what: str, where: object, remedy: str, mend: Callable[[], None] | None = None
) -> Finding:
    """Return what a person should know before it does harm."""
    return Finding("", FindingState.WARNING, what, str(where), remedy, mend)
