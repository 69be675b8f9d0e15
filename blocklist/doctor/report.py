"""The report of `doctor`: the findings of all checks, and those that were mended before."""

from dataclasses import dataclass

from blocklist.status.finding import Finding, select_problems, select_warnings


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """All findings of the checks, good ones too, and those that were mended before."""

    findings: tuple[Finding, ...]
    mended: tuple[Finding, ...] = ()

    @property
    def problems(self) -> tuple[Finding, ...]:
        """The findings that stop or spoil the work."""
        return select_problems(self.findings)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that may stop or spoil the work one day."""
        return select_warnings(self.findings)
