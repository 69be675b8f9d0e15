"""`allow` and `block`: the operator's own word on names, networks and URLs."""

from typing import TYPE_CHECKING, Annotated

import typer

from blocklist.cli.lasting import Lasting, Until, end
from blocklist.cli.session import (
    Json,
    Session,
    printable,
    session,
    show,
    show_json,
    show_table,
    warn,
)
from blocklist.errors import Refused, UsageError
from blocklist.ledger.author import current_author
from blocklist.model import Entry, Kind, Scope, Verdict

if TYPE_CHECKING:
    from blocklist.ledger.book import LedgerWriter
    from blocklist.model import Indicator

_ARTICLE = {Verdict.ALLOW: "an", Verdict.BLOCK: "a"}
#: When an entry begins to count.
NEXT = "takes effect with the next: blocklist run"


Name = Annotated[str, typer.Argument(help="A domain, address, network or URL.")]
Reason = Annotated[str, typer.Option(help="Why, for those who ask later.")]
Covers = Annotated[Scope, typer.Option(help="What of a domain: it and all below it, or less.")]
Suffix = Annotated[
    bool, typer.Option("--public-suffix", help="Mean it, though strangers live below the name.")
]


def verbs(action: Verdict) -> typer.Typer:
    """Return the command group `allow` or `block`, which differ in nothing but the action."""
    group = typer.Typer(help=f"Names and networks you {action} yourself.", no_args_is_help=True)

    @group.command("add", help=f"{action.capitalize()} a name or network, whatever feeds say.")
    def add(  # noqa: PLR0913, PLR0917 (an option each)
        context: typer.Context,
        name: Name,
        reason: Reason = "",
        lasting: Lasting = None,
        until: Until = None,
        scope: Covers = Scope.SUBTREE,
        suffix: Suffix = False,
    ) -> None:
        if not suffix:
            _no_suffix(name, scope)
        thing = (*_meant(name, scope), action, printable(reason))
        _add(context, Entry(*thing, "", end(lasting, until), current_author()))

    @group.command("remove", help=f"End {_ARTICLE[action]} {action} entry.")
    def remove(context: typer.Context, name: Name) -> None:
        _remove(context, name, action)

    @group.command("list", help=f"List the {action} entries in force.")
    def entries(context: typer.Context, as_json: Json = False) -> None:
        _list(context, action, as_json=as_json)

    return group


def _no_suffix(name: str, scope: Scope) -> None:
    from blocklist.columns.suffixes import is_public_suffix

    indicator = parsed(name)
    if indicator.kind is Kind.DOMAIN and scope.covers_below and is_public_suffix(indicator.value):
        raise UsageError(
            f"{indicator.value}: is a public suffix, and everyone below it is meant, too; "
            "if so, add --public-suffix"
        )


def _meant(name: str, scope: Scope) -> tuple[Kind, str, Scope]:
    indicator = parsed(name)
    covers = scope if indicator.kind is Kind.DOMAIN else Scope.EXACT
    return indicator.kind, indicator.value, covers


def _add(context: typer.Context, entry: Entry) -> None:
    from blocklist.ledger import operator
    from blocklist.ledger.book import open_ledger_writer

    with open_ledger_writer(session(context).database, f"{entry.action} add") as book:
        replaced = operator.add_entry(book, entry)
    until = f" until {entry.expires}" if entry.expires else ""
    instead = ", in place of an earlier entry" if replaced else ""
    session(context).say(f"{entry.action} {entry.value} ({entry.scope}){until}{instead}; {NEXT}")
    _tell_pin(context)


def _remove(context: typer.Context, name: str, action: Verdict) -> None:
    from blocklist.ledger import operator
    from blocklist.ledger.book import open_ledger_writer

    indicator = parsed(name)
    with open_ledger_writer(session(context).database, f"{action} remove") as book:
        ended = operator.remove_entries(book, indicator, action)
    if not ended:
        raise UsageError(f"{indicator.value}: no {action} entry; see: blocklist {action} list")
    session(context).say(f"{indicator.value}: no longer {action}; {NEXT}")
    _tell_pin(context)


def _tell_pin(context: typer.Context) -> None:
    """Tell that nothing takes effect while a release is pinned."""
    from blocklist.ledger.connection import open_read_only
    from blocklist.ledger.pins import find_release_pin

    with open_read_only(session(context).database) as connection:
        pin = find_release_pin(connection) if connection else None
    if pin:
        warn(f"but not while release {pin.release} is pinned; end that: blocklist release unpin")


def _list(context: typer.Context, action: Verdict, *, as_json: bool) -> None:
    from dataclasses import asdict

    from blocklist.ledger import operator
    from blocklist.ledger.connection import open_read_only
    from blocklist.ledger.matches import annotate_entries

    with open_read_only(session(context).database) as connection:
        every = operator.active_entries(connection) if connection else ()
        found = [entry for entry in every if entry.action is action]
        noted = annotate_entries(connection, found) if connection else []
    if as_json:
        show_json([{**asdict(entry), "note": note} for entry, note in noted])
    elif not noted:
        show(f"no {action} entries")
    else:
        columns = ("name", "scope", "reason", "by", "created", "until", "note")
        show_table(columns, ((*_row(entry), note) for entry, note in noted))


def _row(entry: Entry) -> tuple[object, ...]:
    end = entry.expires
    return entry.value, entry.scope, entry.reason, entry.author, entry.created, end


def ended(current: Session, book: "LedgerWriter") -> list[Entry]:
    """End the entries whose time is over, tell of each, and return them."""
    from blocklist.ledger.operator import end_expired_entries

    over = end_expired_entries(book)
    for entry in over:
        why = f" ({entry.reason})" if entry.reason else ""
        current.say(f"{entry.action} {entry.value} ({entry.scope}) ended at {entry.expires}{why}")
    if over:
        _tell_pinned(book)
    return over


def _tell_pinned(book: "LedgerWriter") -> None:
    """Tell that what has ended is in force for as long as a release is pinned that has it."""
    from blocklist.ledger.pins import find_release_pin

    with book.open_connection() as db:
        pin = find_release_pin(db)
    if pin:
        warn(
            f"but release {pin.release} is pinned: what it has of these stays in force until: "
            "blocklist release unpin"
        )


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


allow = verbs(Verdict.ALLOW)
block = verbs(Verdict.BLOCK)
