"""Run `export`: render, verify and install the files of the current release."""

from typing import Annotated

import typer

from blocklist.cli.completion import complete_exports
from blocklist.cli.options import EXIT_EXPORT_FAILED, JsonOption
from blocklist.cli.output import show_json
from blocklist.cli.progress import ProgressDisplay
from blocklist.cli.session import get_session


def export_command(
    context: typer.Context,
    exports: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="EXPORT...",
            autocompletion=complete_exports,
            help="Exports to write. Without names: all.",
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Write, install and load the files again, also if nothing changed."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the current release into the files of [exports]; unchanged files are not touched.

    Exit code 6: an export failed, or its server did not load it; the old file is in place.
    """
    session = get_session(context)
    with ProgressDisplay(session, results=not as_json) as progress:
        outcomes = session.blocklist.export(exports or None, force=force, progress=progress)
    if as_json:
        show_json({"exports": outcomes})
    if any(outcome.result is None for outcome in outcomes):
        raise typer.Exit(EXIT_EXPORT_FAILED)
