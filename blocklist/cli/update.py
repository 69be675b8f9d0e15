"""`update`: collect and parse feeds into the ledger."""

from typing import TYPE_CHECKING, Annotated

import typer

from blocklist.cli.session import Json, Session, session, show_json, show_table

if TYPE_CHECKING:
    from blocklist.collect.update import Outcome

FEED_FAILED = 4


def update(
    context: typer.Context,
    feeds: Annotated[list[str] | None, typer.Argument(help="Only these; else all enabled.")] = None,
    as_json: Json = False,
) -> None:
    """Collect and parse feeds into the ledger; what was good last time stays in force.

    Exit code 4: a feed failed or was refused.
    """
    from blocklist.collect import update as collect
    from blocklist.ledger.book import writing

    current = session(context)
    chosen = collect.chosen(current.config, feeds or [])
    with writing(current.config.database, "update") as book:
        outcomes = collect.update(current.config, book, chosen, lambda o: tell(current, o))
    if as_json:
        show_json({"feeds": outcomes})
    else:
        show_outcomes(outcomes)
    if not all(outcome.good for outcome in outcomes):
        raise typer.Exit(FEED_FAILED)


def tell(current: Session, outcome: "Outcome") -> None:
    """Say how a feed ended, as it ends."""
    cause = f": {outcome.cause}" if outcome.cause else ""
    if current.verbose or not outcome.good:
        current.say(f"{outcome.feed}: {outcome.state}{cause}")


def show_outcomes(outcomes: list["Outcome"]) -> None:
    """Show a table of how feeds ended."""
    if not outcomes:
        return
    rows = [
        (o.feed, o.state, f"{o.entries:,}", f"+{o.added:,}", f"-{o.removed:,}") for o in outcomes
    ]
    show_table(("feed", "state", "entries", "added", "removed"), rows)
