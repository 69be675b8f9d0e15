"""Run `update`: fetch and read feeds into the ledger, show the outcome of each."""

from typing import Annotated

import typer

from blocklist.cli.completion import complete_feeds
from blocklist.cli.options import EXIT_FEED_FAILED, AcceptOption, JsonOption
from blocklist.cli.output import show_json
from blocklist.cli.progress import ProgressDisplay
from blocklist.cli.session import get_session


def update_command(
    context: typer.Context,
    feeds: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FEED...",
            autocompletion=complete_feeds,
            help="Feeds to update, due or not. Without names: all that are due.",
        ),
    ] = None,
    accept: AcceptOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch and read feeds into the ledger; a feed that fails keeps its last good snapshot.

    Exit code 4: a feed failed or was refused.
    """
    session = get_session(context)
    with ProgressDisplay(session, results=not as_json) as progress:
        outcomes = session.blocklist.update(feeds or None, accept=accept or (), progress=progress)
    if as_json:
        show_json({"feeds": outcomes})
    if not all(outcome.is_good for outcome in outcomes):
        raise typer.Exit(EXIT_FEED_FAILED)
