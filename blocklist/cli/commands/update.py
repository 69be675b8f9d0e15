"""Run `update`: fetch and parse feeds into the ledger, show the outcome of each."""

from typing import TYPE_CHECKING, Annotated

import typer

from blocklist.cli.progress import show_feed_progress
from blocklist.cli.session import JsonOption, Session, get_session, show_json, show_table
from blocklist.cli.streams import warn

if TYPE_CHECKING:
    from blocklist.collect.outcome import UpdateOutcome
    from blocklist.config.feeds import Feed
    from blocklist.ledger.db.writer import LedgerWriter

EXIT_FEED_FAILED = 4

AcceptOption = Annotated[
    list[str] | None,
    typer.Option(metavar="FEED", help="Take this feed, however much it shrank or grew."),
]


def update_command(
    context: typer.Context,
    feeds: Annotated[list[str] | None, typer.Argument(help="Only these; else all enabled.")] = None,
    accept: AcceptOption = None,
    as_json: JsonOption = False,
) -> None:
    """Collect and parse feeds into the ledger; what was good last time stays in force.

    Exit code 4: a feed failed or was refused.
    """
    from blocklist.collect.update import lift_size_limits, select_feeds
    from blocklist.ledger.db.writer import open_ledger_writer

    current = get_session(context)
    chosen = lift_size_limits(select_feeds(current.config, feeds or []), accept or [])
    with open_ledger_writer(current.config.database, "update") as book:
        outcomes = update_with_progress(current, book, chosen, named=bool(feeds))
    if as_json:
        show_json({"feeds": outcomes})
    else:
        show_outcomes(outcomes)
    if not all(outcome.is_good for outcome in outcomes):
        raise typer.Exit(EXIT_FEED_FAILED)


def update_with_progress(
    current: Session, book: "LedgerWriter", feeds: list["Feed"], *, named: bool = False
) -> list["UpdateOutcome"]:
    """Update feeds with progress, tell what went wrong, and return the outcomes."""
    from blocklist.collect.update import update_feeds

    with show_feed_progress(current, len(feeds)) as shown:
        outcomes = update_feeds(
            current.config,
            book,
            feeds,
            shown.finish_feed,
            ignore_schedule=named,
            progress=shown.update_bytes,
        )
    for outcome in outcomes:
        if not outcome.is_good:
            stays = ", which stays in force" if outcome.entries else ""
            warn(f"{outcome.feed}: {outcome.state}: {outcome.cause}; {outcome.note}{stays}")
    return outcomes


def show_outcomes(outcomes: list["UpdateOutcome"]) -> None:
    """Show a table of how feeds ended."""
    columns = ("feed", "state", "entries", "added", "removed")
    counts = ((o.feed, o.state, f"{o.entries:,}", o.added, o.removed) for o in outcomes)
    show_table(columns, ((*start, f"+{added:,}", f"-{gone:,}") for *start, added, gone in counts))
