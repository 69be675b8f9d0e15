"""Run `resolve`: look up blocked names in the DNS, store the facts, show a summary."""

from typing import Annotated

import typer

from blocklist.cli.options import EXIT_FEED_FAILED, JsonOption, parse_count
from blocklist.cli.output import show_json
from blocklist.cli.progress import ProgressDisplay
from blocklist.cli.render.documents import survey_to_dict
from blocklist.cli.session import get_session


def resolve_command(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME...",
            help="Names to look up. Without names: blocked names that are due, new ones first.",
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(metavar="COUNT", parser=parse_count, help="Look up at most this many names."),
    ] = None,
    server: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS",
            help="Ask this resolver, ADDRESS or ADDRESS#PORT, in place of the configured ones; "
            "repeatable.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Look up blocked names in the DNS: which still exist, and where; `check` shows the answers.

    Exit code 4: a resolver could not be used; what it answered before stays.
    """
    session = get_session(context)
    with ProgressDisplay(session, results=not as_json) as progress:
        report = session.blocklist.resolve(
            names or None, limit=limit, servers=server or None, progress=progress
        )
    if as_json:
        show_json(survey_to_dict(report))
    if report.causes:
        raise typer.Exit(EXIT_FEED_FAILED)
