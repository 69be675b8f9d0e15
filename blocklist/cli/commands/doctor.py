"""Run `doctor`: check this installation, report each finding with its remedy, repair on request."""

from typing import Annotated

import typer

from blocklist import DoctorReport, Finding
from blocklist.cli.options import JsonOption
from blocklist.cli.output import show_json, show_line
from blocklist.cli.render.findings import findings_to_dicts, format_finding
from blocklist.cli.session import get_library, get_session
from blocklist.errors import UsageError


def doctor_command(
    context: typer.Context,
    mend: Annotated[
        bool, typer.Option("--repair", help="First repair what needs no decision of yours.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check all that `status` does, and the configuration and the machine.

    Each finding says what is wrong, where, and what to do. Exit code 2: something stops or spoils
    the work. With warnings alone it is 0.
    """
    report = get_library(context).doctor(mend=mend)
    if as_json:
        show_json(_report_to_dict(report))
    else:
        _show_report(report, verbose=get_session(context).verbose > 0)
    if report.problems:
        raise typer.Exit(UsageError.exit_code)


def _report_to_dict(report: DoctorReport) -> dict[str, object]:
    return {
        "problems": len(report.problems),
        "warnings": len(report.warnings),
        "mended": [*map(_finding_to_dict, report.mended)],
        "findings": [*map(_finding_to_dict, report.findings)],
    }


def _finding_to_dict(finding: Finding) -> dict[str, object]:
    (fields,) = findings_to_dicts([finding])
    return {**fields, "mendable": finding.mend is not None}


def _show_report(report: DoctorReport, *, verbose: bool) -> None:
    for finding in report.mended:
        show_line(f"repaired: {finding.check}: {finding.what} ({finding.where})")
    for finding in [*report.problems, *report.warnings]:
        for line in format_finding(finding):
            show_line(line)
    troubles = {*report.problems, *report.warnings}
    for finding in report.findings if verbose else ():
        if finding not in troubles:
            subject = f": {finding.subject}" if finding.subject else ""
            show_line(f"{finding.state}: {finding.check}{subject}")
    checks = len({finding.check for finding in report.findings})
    show_line(
        f"checks: {checks}, problems: {len(report.problems)}, warnings: {len(report.warnings)}"
    )
