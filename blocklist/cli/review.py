"""`review`: what is held and why; decide."""

from typing import Annotated

import typer

from blocklist.cli.operator import parsed
from blocklist.cli.session import Json, readable, session, show, show_json, show_table
from blocklist.errors import UsageError
from blocklist.model import Entry, Reason, Verdict

app = typer.Typer(help="What is held for a person to decide.", invoke_without_command=True)


@app.callback()
def review(context: typer.Context) -> None:
    """List what is held, when no other command is given."""
    if context.invoked_subcommand is None:
        listing(context)


@app.command("list")
def listing(
    context: typer.Context,
    reason: Annotated[Reason | None, typer.Option(help="Only what is held for this.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10**9, help="How many to show.")] = 50,
    as_json: Json = False,
) -> None:
    """List what is held, what most feeds list first, with the evidence."""
    from blocklist.ledger import review as holds
    from blocklist.ledger.connection import reading

    with reading(session(context).database) as connection:
        counts = holds.counts(connection) if connection else {}
        causes = holds.causes(connection) if connection else {}
        found = holds.held(connection, limit, reason) if connection else []
    total = sum(counts.values()) if reason is None else counts.get(reason, 0)
    if as_json:
        summary = {"held": total, "by_reason": counts, "by_cause": causes, "shown": len(found)}
        show_json({**summary, "items": found})
        return
    if not found:
        show("nothing is held")
        return
    rows = (
        (readable(h.indicator), h.scope, h.reason, h.cause, ", ".join(h.feeds), h.since)
        for h in found
    )
    show_table(("held", "scope", "reason", "because of", "listed by", "since"), rows)
    if total > len(found):
        show(f"... and {total - len(found):,} more (--limit, --reason)")
    session(context).say("decide with: blocklist review accept NAME, or reject NAME")


@app.command("accept")
def accept(
    context: typer.Context, name: Annotated[str, typer.Argument(help="What is held.")]
) -> None:
    """Agree with the feeds: block what is held."""
    _decide(context, name, Verdict.BLOCK)


@app.command("reject")
def reject(
    context: typer.Context, name: Annotated[str, typer.Argument(help="What is held.")]
) -> None:
    """Disagree with the feeds: allow what is held."""
    _decide(context, name, Verdict.ALLOW)


def _decide(context: typer.Context, name: str, action: Verdict) -> None:
    from blocklist.ledger import operator
    from blocklist.ledger import review as holds
    from blocklist.ledger.book import writing

    indicator = parsed(name)
    word = "accepted" if action is Verdict.BLOCK else "rejected"
    with writing(session(context).database, f"review {word}") as book:
        with book.small() as db:
            found = holds.find(db.conn, indicator.value)
        if found is None:
            raise UsageError(f"{indicator.value}: is not held; see: blocklist review list")
        why = f"review: {word} ({found.reason})"
        operator.add(book, Entry(found.kind, found.indicator, found.scope, action, why, "", None))
    session(context).say(
        f"{indicator.value} ({found.scope}): {word}; takes effect with the next: blocklist run"
    )
