"""Run `allow` and `block`: add, remove and list entries for names, networks and URLs."""

from typing import TYPE_CHECKING, Annotated

import typer

from blocklist.cli.durations import DurationOption, UntilOption, parse_expiry
from blocklist.cli.session import JsonOption, Session, get_session, show_json, show_line, show_table
from blocklist.cli.streams import escape_unprintable, warn
from blocklist.errors import InvalidIndicator, NotFoundError, UsageError
from blocklist.ledger.db.writer import current_author
from blocklist.model import Entry, Kind, Scope, Verdict

if TYPE_CHECKING:
    from blocklist.ledger.db.writer import LedgerWriter
    from blocklist.model import Indicator

_ARTICLE = {Verdict.ALLOW: "an", Verdict.BLOCK: "a"}
#: When an entry begins to count.
EFFECT_NOTE = "takes effect with the next: blocklist run"


NameArgument = Annotated[str, typer.Argument(help="A domain, address, network or URL.")]
ReasonOption = Annotated[str, typer.Option(help="Why, for those who ask later.")]
ScopeOption = Annotated[Scope, typer.Option(help="What of a domain: it and all below it, or less.")]
PublicSuffixOption = Annotated[
    bool, typer.Option("--public-suffix", help="Mean it, though strangers live below the name.")
]


def build_entry_commands(action: Verdict) -> typer.Typer:
    """Return the command group `allow` or `block`, which differ in nothing but the action."""
    group = typer.Typer(help=f"Names and networks you {action} yourself.", no_args_is_help=True)

    @group.command("add", help=f"{action.capitalize()} a name or network, whatever feeds say.")
    def add_command(  # noqa: PLR0913, PLR0917 (an option each)
        context: typer.Context,
        name: NameArgument,
        reason: ReasonOption = "",
        lasting: DurationOption = None,
        until: UntilOption = None,
        scope: ScopeOption = Scope.SUBTREE,
        suffix: PublicSuffixOption = False,
    ) -> None:
        if not suffix:
            _refuse_public_suffix(name, scope)
        thing = (*_parse_scoped_name(name, scope), action, escape_unprintable(reason))
        _add_entry(context, Entry(*thing, "", parse_expiry(lasting, until), current_author()))

    @group.command("remove", help=f"End {_ARTICLE[action]} {action} entry.")
    def remove_command(context: typer.Context, name: NameArgument) -> None:
        _remove_entry(context, name, action)

    @group.command("list", help=f"List the {action} entries in force.")
    def list_command(context: typer.Context, as_json: JsonOption = False) -> None:
        _list_entries(context, action, as_json=as_json)

    return group


def _refuse_public_suffix(name: str, scope: Scope) -> None:
    from blocklist.frames.public_suffixes import is_public_suffix

    indicator = parse_name_argument(name)
    if indicator.kind is Kind.DOMAIN and scope.covers_below and is_public_suffix(indicator.value):
        raise UsageError(
            f"{indicator.value}: is a public suffix, and everyone below it is meant, too; "
            "if so, add --public-suffix"
        )


def _parse_scoped_name(name: str, scope: Scope) -> tuple[Kind, str, Scope]:
    indicator = parse_name_argument(name)
    covers = scope if indicator.kind is Kind.DOMAIN else Scope.EXACT
    return indicator.kind, indicator.value, covers


def _add_entry(context: typer.Context, entry: Entry) -> None:
    from blocklist.ledger.db.writer import open_ledger_writer
    from blocklist.ledger.operator.entries import add_entry

    with open_ledger_writer(get_session(context).database, f"{entry.action} add") as book:
        replaced = add_entry(book, entry)
    until = f" until {entry.expires}" if entry.expires else ""
    instead = ", in place of an earlier entry" if replaced else ""
    get_session(context).show_status(
        f"{entry.action} {entry.value} ({entry.scope}){until}{instead}; {EFFECT_NOTE}"
    )
    _warn_if_pinned(context)


def _remove_entry(context: typer.Context, name: str, action: Verdict) -> None:
    from blocklist.ledger.db.writer import open_ledger_writer
    from blocklist.ledger.operator.entries import remove_entries

    indicator = parse_name_argument(name)
    with open_ledger_writer(get_session(context).database, f"{action} remove") as book:
        ended = remove_entries(book, indicator, action)
    if not ended:
        raise NotFoundError(f"{indicator.value}: no {action} entry; see: blocklist {action} list")
    get_session(context).show_status(f"{indicator.value}: no longer {action}; {EFFECT_NOTE}")
    _warn_if_pinned(context)


def _warn_if_pinned(context: typer.Context) -> None:
    """Tell that nothing takes effect while a release is pinned."""
    from blocklist.ledger.db.connection import open_read_only
    from blocklist.ledger.releases.pins import find_release_pin

    with open_read_only(get_session(context).database) as connection:
        pin = find_release_pin(connection) if connection else None
    if pin:
        warn(f"but not while release {pin.release} is pinned; end that: blocklist release unpin")


def _list_entries(context: typer.Context, action: Verdict, *, as_json: bool) -> None:
    from dataclasses import asdict

    from blocklist.ledger.db.connection import open_read_only
    from blocklist.ledger.operator.entries import active_entries
    from blocklist.ledger.operator.entry_notes import annotate_entries

    with open_read_only(get_session(context).database) as connection:
        every = active_entries(connection) if connection else ()
        found = [entry for entry in every if entry.action is action]
        noted = annotate_entries(connection, found) if connection else []
    if as_json:
        show_json([{**asdict(entry), "note": note} for entry, note in noted])
    elif not noted:
        show_line(f"no {action} entries")
    else:
        columns = ("name", "scope", "reason", "by", "created", "until", "note")
        show_table(columns, ((*_entry_row(entry), note) for entry, note in noted))


def _entry_row(entry: Entry) -> tuple[object, ...]:
    end = entry.expires
    return entry.value, entry.scope, entry.reason, entry.author, entry.created, end


def end_and_report_expired(current: Session, book: "LedgerWriter") -> list[Entry]:
    """End the entries whose time is over, tell of each, and return them."""
    from blocklist.ledger.operator.entries import end_expired_entries

    over = end_expired_entries(book)
    for entry in over:
        why = f" ({entry.reason})" if entry.reason else ""
        current.show_status(
            f"{entry.action} {entry.value} ({entry.scope}) ended at {entry.expires}{why}"
        )
    if over:
        _warn_pinned_expired(book)
    return over


def _warn_pinned_expired(book: "LedgerWriter") -> None:
    """Tell that what has ended is in force for as long as a release is pinned that has it."""
    from blocklist.ledger.db.transaction import read_transaction
    from blocklist.ledger.releases.pins import find_release_pin

    with read_transaction(book.database) as transaction:
        pin = find_release_pin(transaction.connection)
    if pin:
        warn(
            f"but release {pin.release} is pinned: what it has of these stays in force until: "
            "blocklist release unpin"
        )


def parse_name_argument(name: str) -> "Indicator":
    """Return what a name given on the command line means; raise `UsageError` for nonsense."""
    from blocklist.indicators.query import parse_query

    try:
        indicator = parse_query(name)
    except InvalidIndicator as refused:
        raise UsageError(f"{name!r} is no name, address or URL: {refused.reason}") from None
    if indicator.value.endswith("/0"):
        raise UsageError(f"{indicator.value}: that is every address there is")
    return indicator


allow_group = build_entry_commands(Verdict.ALLOW)
block_group = build_entry_commands(Verdict.BLOCK)
