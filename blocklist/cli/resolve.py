"""`resolve`: refresh facts."""

from collections import Counter
from typing import Annotated

import typer

from blocklist.cli.operator import parsed
from blocklist.cli.session import Json, session, show, show_json
from blocklist.cli.update import FEED_FAILED


def resolve(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(help="Else blocked names, new first.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10**9, help="How many names at most.")] = 1000,
    server: Annotated[
        str | None, typer.Option(help="ADDRESS#PORT of a resolver; else the system's.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Ask DNS which blocked names still exist, and where; `check` shows the answers.

    Exit code 4: no resolver answered; what was known stays.
    """
    from blocklist.ledger import facts
    from blocklist.ledger.book import writing
    from blocklist.resolve import dns

    with writing(session(context).config.database, "resolve") as book:
        with book.small() as db:
            due = [parsed(name).value for name in names or []] or facts.due(db.conn, limit)
        found = dns.resolve(due, server)
        known = [fact for fact in found if fact.state is not dns.NameState.UNKNOWN]
        facts.save(book, [(fact.name, fact.state, fact.addresses) for fact in known])
    counts = Counter(str(fact.state) for fact in found)
    if as_json:
        show_json({"asked": len(due), "states": counts})
    else:
        told = ", ".join(f"{count:,} {state}" for state, count in counts.most_common())
        show(f"asked about {len(due):,} names: {told or 'nothing to ask'}")
    if due and not known:
        session(context).say("no resolver answered; what was known stays as it was")
        raise typer.Exit(FEED_FAILED)
