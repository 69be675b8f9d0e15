"""Run `prune`: delete history that ended before a given age."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from blocklist.cli.durations import parse_duration
from blocklist.cli.session import JsonOption, get_session, show_json, show_line


def prune_command(
    context: typer.Context,
    keep: Annotated[str, typer.Option(help="How much to keep: 30d, 52w.")] = "400d",
    as_json: JsonOption = False,
) -> None:
    """Delete what ended longer ago than that; nothing else ever deletes.

    What is in force stays, and so does a row for each release: when, why, how much.
    """
    from blocklist.ledger.db.timestamps import format_timestamp
    from blocklist.ledger.db.writer import open_ledger_writer
    from blocklist.ledger.prune import prune_history

    before = format_timestamp(datetime.now(UTC) - parse_duration("--keep", keep))
    with open_ledger_writer(get_session(context).database, "prune") as book:
        done = prune_history(book, before)
    if done.still_large:
        get_session(context).show_status(
            f"the file is as large as before: {done.still_large}; prune again later"
        )
    if as_json:
        show_json(done)
    else:
        show_line(
            f"what ended before {before} is gone: of {done.releases:,} releases, "
            f"{done.verdicts:,} verdicts and {done.listings:,} listings"
        )
