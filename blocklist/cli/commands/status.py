"""Run `status`: show on one screen whether the list is what it should be."""

import typer

from blocklist import Status
from blocklist.cli.options import JsonOption
from blocklist.cli.output import show_json, show_line
from blocklist.cli.render.findings import findings_to_dicts, format_finding
from blocklist.cli.render.status_text import format_status
from blocklist.cli.session import get_library, get_session
from blocklist.errors import UsageError

#: More findings do not fit on one screen; `doctor` shows all.
_MAX_SHOWN = 6


def status_command(context: typer.Context, as_json: JsonOption = False) -> None:
    """Show whether the list is what it should be: runs, feeds, exports, servers, machine.

    The servers of the exports are asked what they have. Exit code 2: there is a problem. With
    warnings alone it is 0. With --quiet, nothing is printed unless there is a problem.
    """
    status = get_library(context).status(probe=True)
    if as_json:
        show_json(_status_to_dict(status))
    elif status.problems or not get_session(context).quiet:
        _show_status(status)
    if status.problems:
        raise typer.Exit(UsageError.exit_code)


def _show_status(status: Status) -> None:
    for line in format_status(status):
        show_line(line)
    found = [*status.problems, *status.warnings]
    for finding in found[:_MAX_SHOWN]:
        for line in format_finding(finding):
            show_line(line)
    if len(found) > _MAX_SHOWN:
        show_line(f"and {len(found) - _MAX_SHOWN} more; all of them: blocklist doctor")


def _status_to_dict(status: Status) -> dict[str, object]:
    """Return the document of `status --json`."""
    run, run_age = status.last_run, status.run_age
    return {
        "state": status.state,
        "checked": status.checked,
        "problems": len(status.problems),
        "warnings": len(status.warnings),
        "config": status.config,
        "database": status.database,
        "release": status.release,
        "candidate": status.candidate,
        "pins": status.pins,
        "last_run": run,
        "published": run_age
        and {
            "command": run_age.command,
            "started": run_age.started,
            "age_seconds": int(run_age.age.total_seconds()),
            "usual_seconds": int(run_age.interval.total_seconds()),
            "overdue": run_age.is_overdue,
        },
        "writer": status.writer,
        "feeds": status.feeds,
        "exports": status.exports,
        "servers": status.servers,
        "findings": findings_to_dicts(status.findings),
    }
