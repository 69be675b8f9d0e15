"""Run `export`: render, verify and install the files of the current release."""

from typing import TYPE_CHECKING, Annotated

import typer

from blocklist.cli.session import JsonOption, Session, get_session, show_json, show_table
from blocklist.cli.streams import warn

if TYPE_CHECKING:
    from blocklist.config.exports import Export
    from blocklist.export.rehearsal import Rehearsal
    from blocklist.export.render.state import ExportOutcome
    from blocklist.ledger.db.writer import LedgerWriter

EXIT_EXPORT_FAILED = 6
# That a hosts file takes no networks is no news; what it narrowed is.
_KIND_PREFIX = "kind-"


def export_command(
    context: typer.Context,
    targets: Annotated[list[str] | None, typer.Argument(help="Only these; else all.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Write the release in force into the files of [exports]; what is the same is not touched.

    Exit code 6: an export failed, or its server did not load it; the old file is in place.
    """
    from blocklist.export.run import select_exports
    from blocklist.ledger.db.writer import open_ledger_writer

    current = get_session(context)
    wanted = select_exports(current.config, targets or [])
    with open_ledger_writer(current.config.database, "export") as book:
        outcomes = export_with_progress(current, book, wanted)
    if as_json:
        show_json({"exports": outcomes})
    else:
        show_exports(outcomes)
    if any(outcome.result is None for outcome in outcomes):
        raise typer.Exit(EXIT_EXPORT_FAILED)


def export_with_progress(
    current: Session,
    book: "LedgerWriter",
    wanted: list["Export"],
    rehearsal: "Rehearsal | None" = None,
) -> list["ExportOutcome"]:
    """Write exports with progress, tell what went wrong, and return the outcomes."""
    from blocklist.export.run import run_exports

    with current.show_progress("exporting", len(wanted)) as step:
        outcomes = run_exports(
            book,
            current.config,
            wanted,
            lambda o: step(f"export {o.name}: {o.path}"),
            rehearsal,
        )
    for outcome in outcomes:
        if outcome.result is None:
            warn(str(outcome.cause))
            continue
        for line in outcome.result.said:
            current.show_status(f"export {outcome.name}: {line}")
        if current.verbose:
            for note in outcome.result.notes:
                warn(f"export {outcome.name}: {note}")
    return outcomes


def show_exports(outcomes: list["ExportOutcome"]) -> None:
    """Show a table of how exports ended."""
    rows = []
    for outcome in outcomes:
        result = outcome.result
        if result is None:
            rows.append((outcome.name, "failed", "", "", outcome.path))
            continue
        left = ", ".join(
            f"{count:,} {reason}"
            for reason, count in result.left_out.items()
            if not reason.startswith(_KIND_PREFIX)
        )
        state = "written" if result.changed else "unchanged"
        state += ", loaded" if result.loaded else ""
        rows.append((outcome.name, state, f"{result.rows:,}", left, outcome.path))
    show_table(("export", "state", "rows", "left out", "file"), rows)
