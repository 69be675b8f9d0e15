"""Run `prune`: delete history that ended before a given age."""

from dataclasses import asdict
from typing import Annotated

import typer

from blocklist.cli.durations import parse_duration
from blocklist.cli.options import JsonOption
from blocklist.cli.output import show_json, show_line
from blocklist.cli.session import get_session


def prune_command(
    context: typer.Context,
    keep: Annotated[
        str, typer.Option(metavar="DURATION", help="Keep this much history: 30d, 52w.")
    ] = "400d",
    as_json: JsonOption = False,
) -> None:
    """Delete history that ended longer ago than --keep; no other command deletes history.

    What is in force stays, and so does one row for each release: when, why, how much.
    """
    session = get_session(context)
    result = session.blocklist.prune(parse_duration("--keep", keep))
    if result.still_large:
        session.show_status(
            f"the file could not be made smaller: {result.still_large}; prune again later"
        )
    if as_json:
        show_json(asdict(result))
    else:
        show_line(
            f"deleted what ended more than {keep} ago: {result.verdicts:,} verdicts of "
            f"{result.releases:,} releases, and {result.listings:,} listings"
        )
