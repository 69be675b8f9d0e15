"""The report of `doctor`: the findings of all checks, and those that were mended before."""

from dataclasses import dataclass

from blocklist.status.finding import Finding, HasFindings


@dataclass(frozen=True, slots=True)
class DoctorReport(HasFindings):
    """All findings of the checks, good ones too, and those that were mended before."""

    findings: tuple[Finding, ...]
    mended: tuple[Finding, ...] = ()
