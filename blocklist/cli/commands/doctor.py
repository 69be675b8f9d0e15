"""Run `doctor`: check this installation, report each finding with its remedy, repair on request."""

from typing import TYPE_CHECKING, Annotated

import typer

from blocklist.cli.session import JsonOption, get_session, show_json, show_line
from blocklist.errors import UsageError

if TYPE_CHECKING:
    from blocklist.doctor.finding import Finding


def doctor_command(
    context: typer.Context,
    mend: Annotated[
        bool, typer.Option("--mend", help="Mend first what needs no decision of yours.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Say what is wrong with this installation, where, and what to do about it.

    Exit code 2: something stops or spoils the work; warnings alone are 0.
    """
    from blocklist.doctor.finding import FindingState
    from blocklist.doctor.run import mend_findings, run_checks

    current = get_session(context)
    past = mend_findings(current.config_path) if mend else []
    found = run_checks(current.config_path)
    problems = [one for one in found if one.state is FindingState.PROBLEM]
    warnings = [one for one in found if one.state is FindingState.WARNING]
    if as_json:
        counts = {"problems": len(problems), "warnings": len(warnings)}
        show_json(
            {
                **counts,
                "mended": [*map(_finding_to_dict, past)],
                "findings": [*map(_finding_to_dict, found)],
            }
        )
    else:
        for one in past:
            show_line(f"mended: {one.check}: {one.what} ({one.where})")
        for one in [*problems, *warnings]:
            where = f" ({one.where})" if one.where else ""
            show_line(f"{one.state}: {one.check}: {one.what}{where}\n  do: {one.remedy}")
        if current.verbose:
            for one in found:
                if one.state is FindingState.FINE:
                    show_line(f"{one.state}: {one.check}")
        checks = len({one.check for one in found})
        show_line(f"checks: {checks}, problems: {len(problems)}, warnings: {len(warnings)}")
    if problems:
        raise typer.Exit(UsageError.exit_code)


def _finding_to_dict(found: "Finding") -> dict[str, object]:
    fields = ("check", "state", "what", "where", "remedy")
    return {**{name: getattr(found, name) for name in fields}, "mendable": found.mend is not None}
