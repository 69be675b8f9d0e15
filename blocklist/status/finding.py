"""A finding: how bad something is, what is wrong, where, since when, and what to do."""

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
    """The result of one check of one thing, in words for the user."""

    check: str
    state: FindingState
    what: str
    #: A file, a folder or a key of blocklist.toml.
    where: str
    #: What to do next, with a command if there is one.
    remedy: str
    #: Repair it; only for repairs that need no decision and are safe while nothing else writes.
    mend: Callable[[], None] | None = None
    #: The feed, export or server that it is about; empty if there is only one such thing.
    subject: str = ""
    #: Since when it is so (ISO 8601, UTC); None if that is not known.
    since: str | None = None


def problem(
    what: str, where: object, remedy: str, *, subject: str = "", since: str | None = None
) -> Finding:
    """Return a problem; the caller of the check adds the name of the check."""
    return Finding("", FindingState.PROBLEM, what, str(where), remedy, None, subject, since)


def warning(
    what: str,
    where: object,
    remedy: str,
    mend: Callable[[], None] | None = None,
    *,
    subject: str = "",
    since: str | None = None,
) -> Finding:
    """Return a warning; the caller of the check adds the name of the check."""
    return Finding("", FindingState.WARNING, what, str(where), remedy, mend, subject, since)


def fine(
    what: str = "", where: object = "", *, subject: str = "", since: str | None = None
) -> Finding:
    """Return that nothing is wrong; the caller of the check adds the name of the check."""
    return Finding("", FindingState.FINE, what, str(where), "", None, subject, since)


class HasFindings:
    """A report with findings, of which the problems and the warnings are asked for."""

    __slots__ = ()
    findings: tuple[Finding, ...]

    @property
    def problems(self) -> tuple[Finding, ...]:
        """The findings that stop or spoil the work."""
        return tuple(one for one in self.findings if one.state is FindingState.PROBLEM)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that may stop or spoil the work one day."""
        return tuple(one for one in self.findings if one.state is FindingState.WARNING)
