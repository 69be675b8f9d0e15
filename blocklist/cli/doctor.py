"""`doctor`: what is wrong with this installation, and how to mend it."""

import typer

from blocklist.cli.session import Json, session, show, show_json
from blocklist.errors import UsageError


def doctor(context: typer.Context, as_json: Json = False) -> None:
    """Say what is wrong with this installation, where, and what to do about it.

    Exit code 2: something stops or spoils the work; warnings alone are 0.
    """
    from blocklist.doctor.examine import examine
    from blocklist.doctor.finding import State

    current = session(context)
    found = examine(current.config_path)
    problems = [one for one in found if one.state is State.PROBLEM]
    warnings = [one for one in found if one.state is State.WARNING]
    if as_json:
        show_json({"problems": len(problems), "warnings": len(warnings), "findings": found})
    else:
        for one in [*problems, *warnings]:
            where = f" ({one.where})" if one.where else ""
            show(f"{one.state}: {one.check}: {one.what}{where}\n  do: {one.remedy}")
        if current.verbose:
            for one in found:
                if one.state is State.FINE:
                    show(f"{one.state}: {one.check}")
        checks = len({one.check for one in found})
        show(f"checks: {checks}, problems: {len(problems)}, warnings: {len(warnings)}")
    if problems:
        raise typer.Exit(UsageError.exit_code)
