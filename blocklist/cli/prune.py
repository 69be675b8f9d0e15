"""`prune`: delete history before a horizon."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from blocklist.cli.lasting import span
from blocklist.cli.session import Json, session, show, show_json


def prune(
    context: typer.Context,
    keep: Annotated[str, typer.Option(help="How much to keep: 30d, 52w.")] = "400d",
    as_json: Json = False,
) -> None:
    """Delete what ended longer ago than that; nothing else ever deletes.

    What is in force stays, and so does a row for each release: when, why, how much.
    """
    from blocklist.ledger import prune as pruning
    from blocklist.ledger import times
    from blocklist.ledger.book import open_ledger_writer

    before = times.format_timestamp(datetime.now(UTC) - span("--keep", keep))
    with open_ledger_writer(session(context).database, "prune") as book:
        done = pruning.prune_history(book, before)
    if done.still_large:
        session(context).say(
            f"the file is as large as before: {done.still_large}; prune again later"
        )
    if as_json:
        show_json(done)
    else:
        show(
            f"what ended before {before} is gone: of {done.releases:,} releases, "
            f"{done.verdicts:,} verdicts and {done.listings:,} listings"
        )
