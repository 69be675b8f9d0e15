"""`allow` and `block`: the operator's own word on names, networks and URLs."""

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from blocklist.cli.session import Json, session, show, show_json, show_table
from blocklist.errors import Refused, UsageError
from blocklist.model import Kind, Scope, Verdict

if TYPE_CHECKING:
    from blocklist.model import Indicator

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_NEXT = "takes effect with the next: blocklist run"


def verbs(action: Verdict) -> typer.Typer:
    """Return the command group `allow` or `block`, which differ in nothing but the action."""
    group = typer.Typer(help=f"Names and networks you {action} yourself.", no_args_is_help=True)

    @group.command("add")
    def add(
        context: typer.Context,
        name: Annotated[str, typer.Argument(help="A domain, address, network or URL.")],
        reason: Annotated[str, typer.Option(help="Why, for those who ask later.")] = "",
        lasting: Annotated[
            str | None, typer.Option("--for", help="How long: 30m, 2h, 7d, 4w; else until removed.")
        ] = None,
        scope: Annotated[
            Scope, typer.Option(help="What of a domain: it and all below it, or less.")
        ] = Scope.SUBTREE,
    ) -> None:
        from blocklist.ledger import operator
        from blocklist.ledger.book import writing

        indicator = parsed(name)
        covers = scope if indicator.kind is Kind.DOMAIN else Scope.EXACT
        expires = None if lasting is None else _end(lasting)
        with writing(session(context).config.database, f"{action} add") as book:
            operator.add(book, indicator, covers, action, reason, expires)
        until = f" until {expires}" if expires else ""
        session(context).say(f"{action} {indicator.value} ({covers}){until}; {_NEXT}")

    @group.command("remove")
    def remove(
        context: typer.Context,
        name: Annotated[str, typer.Argument(help="What was added.")],
    ) -> None:
        from blocklist.ledger import operator
        from blocklist.ledger.book import writing

        indicator = parsed(name)
        with writing(session(context).config.database, f"{action} remove") as book:
            ended = operator.remove(book, indicator, action=action)
        if not ended:
            raise UsageError(f"{indicator.value}: no {action} entry; see: blocklist {action} list")
        session(context).say(f"{indicator.value}: no longer {action}; {_NEXT}")

    @group.command("list")
    def entries(context: typer.Context, as_json: Json = False) -> None:
        from blocklist.ledger import operator
        from blocklist.ledger.connection import reading

        with reading(session(context).config.database) as connection:
            every = list(operator.entries(connection)) if connection else []
        found = [entry for entry in every if entry.action is action]
        if as_json:
            show_json(found)
        elif not found:
            show(f"no {action} entries")
        else:
            columns = ("name", "scope", "reason", "created", "until")
            show_table(columns, ((e.value, e.scope, e.reason, e.created, e.expires) for e in found))

    add.__doc__ = (
        f"{action.capitalize()} a name and all below it, or a network, whatever feeds say."
    )
    remove.__doc__ = f"End an {action} entry." if action is Verdict.ALLOW else "End a block entry."
    entries.__doc__ = f"List the {action} entries in force."
    return group


def parsed(name: str) -> "Indicator":
    """Return what a name given on the command line means; raise `UsageError` for nonsense."""
    from blocklist.queries import parse_query

    try:
        indicator = parse_query(name)
    except Refused as refused:
        raise UsageError(f"{name!r} is no name, address or URL: {refused.reason}") from None
    if indicator.value.endswith("/0"):
        raise UsageError(f"{indicator.value}: that is every address there is")
    return indicator


def _end(lasting: str) -> str:
    from blocklist.ledger.times import text

    found = re.fullmatch(r"([1-9][0-9]{0,4})([mhdw])", lasting)
    if not found:
        raise UsageError(f"--for {lasting}: expected a number and m, h, d or w, as in 2h")
    count, unit = found.groups()
    return text(datetime.now(UTC) + timedelta(**{_UNITS[unit]: int(count)}))


allow = verbs(Verdict.ALLOW)
block = verbs(Verdict.BLOCK)
