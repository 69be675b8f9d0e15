"""`export`: render, prove and install the release in force."""

from typing import TYPE_CHECKING, Annotated

import typer

from blocklist.cli.session import Json, Session, session, show_json, show_table

if TYPE_CHECKING:
    from blocklist.export.every import Exported

EXPORT_FAILED = 6


def export(
    context: typer.Context,
    targets: Annotated[list[str] | None, typer.Argument(help="Only these; else all.")] = None,
    as_json: Json = False,
) -> None:
    """Write the release in force into the files of [exports]; what is the same is not touched.

    Exit code 6: an export failed; its old file is in place.
    """
    from blocklist.export import every
    from blocklist.ledger.book import writing

    current = session(context)
    wanted = every.chosen(current.config, targets or [])
    with writing(current.config.database, "export") as book:
        outcomes = every.export_every(book, wanted, lambda o: tell(current, o))
    if as_json:
        show_json({"exports": outcomes})
    else:
        show_exports(outcomes)
    if any(outcome.result is None for outcome in outcomes):
        raise typer.Exit(EXPORT_FAILED)


def tell(current: Session, outcome: "Exported") -> None:
    """Say what went wrong with an export, or what it could not express."""
    if outcome.result is None:
        current.say(str(outcome.cause))
        return
    if current.verbose:
        for reason, count in outcome.result.left_out.items():
            current.say(f"export {outcome.name}: {count:,} {reason}")
        for note in outcome.result.notes:
            current.say(f"export {outcome.name}: {note}")


def show_exports(outcomes: list["Exported"]) -> None:
    """Show a table of how exports ended."""
    if not outcomes:
        return
    rows = []
    for outcome in outcomes:
        result = outcome.result
        if result is None:
            rows.append((outcome.name, "failed", "", "", outcome.path))
            continue
        left = ", ".join(f"{count:,} {reason}" for reason, count in result.left_out.items())
        state = "written" if result.changed else "unchanged"
        rows.append((outcome.name, state, f"{result.rows:,}", left, outcome.path))
    show_table(("export", "state", "rows", "left out", "file"), rows)
