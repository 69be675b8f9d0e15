"""A finding of a check: severity, what is wrong, where, and what to do."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class FindingState(StrEnum):
    """How bad a finding is: a problem stops or spoils the work, a warning may do so later."""

    FINE = "fine"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check, in words for the user."""

    check: str
    state: FindingState
    what: str
    #: A file, a folder or a key of blocklist.toml.
    where: str
    #: What to do next, with a command if there is one.
    remedy: str
    #: Repair it; only for repairs that need no decision and are safe while nothing else writes.
    mend: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """All findings of the checks, good ones too, and those that were mended before."""

    findings: tuple[Finding, ...]
    mended: tuple[Finding, ...] = ()

    @property
    def problems(self) -> tuple[Finding, ...]:
        """The findings that stop or spoil the work."""
        return tuple(one for one in self.findings if one.state is FindingState.PROBLEM)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that may stop or spoil the work one day."""
        return tuple(one for one in self.findings if one.state is FindingState.WARNING)


def problem(what: str, where: object, remedy: str) -> Finding:
    """Return a problem; the caller of the check adds the name of the check."""
    return Finding("", FindingState.PROBLEM, what, str(where), remedy)


def warning(
    what: str, where: object, remedy: str, mend: Callable[[], None] | None = None
) -> Finding:
    """Return a warning; the caller of the check adds the name of the check."""
    return Finding("", FindingState.WARNING, what, str(where), remedy, mend)
