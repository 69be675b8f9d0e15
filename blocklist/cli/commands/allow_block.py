"""Run `allow` and `block`: add, remove and list entries for names, networks and URLs."""

from dataclasses import asdict
from typing import Annotated

import typer

from blocklist import EntryChange, EntryList, NotedEntry
from blocklist.cli.commands.entry_files import register_export, register_import
from blocklist.cli.completion import complete_entries
from blocklist.cli.consent import ask_consent
from blocklist.cli.durations import parse_expiry
from blocklist.cli.given_names import read_given_names
from blocklist.cli.options import (
    DurationOption,
    JsonOption,
    NowOption,
    ReasonOption,
    ScopeOption,
    UntilOption,
    make_group,
)
from blocklist.cli.output import show_json, show_line, show_table
from blocklist.cli.progress import ProgressDisplay
from blocklist.cli.render.entries import describe_entries, describe_values, show_entry_change
from blocklist.cli.session import Session, get_session
from blocklist.model import Scope, Verdict

_GROUP_HELP = {
    Verdict.ALLOW: "Allow names and networks, whatever feeds list.",
    Verdict.BLOCK: "Block names and networks, whatever guards protect.",
}
_ARTICLE = {Verdict.ALLOW: "an", Verdict.BLOCK: "a"}

NamesArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="NAME...",
        help="Domains, addresses, networks or URLs; - reads them from stdin, one a line. All are "
        "taken, or none.",
    ),
]
EntriesArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="NAME...",
        autocompletion=complete_entries,
        help="Names of entries; - reads them from stdin, one a line. All are taken, or none.",
    ),
]
PublicSuffixOption = Annotated[
    bool,
    typer.Option(
        "--public-suffix",
        help="Accept an entry on a public suffix; it covers every domain registered under it.",
    ),
]
AnywayOption = Annotated[
    bool,
    typer.Option(
        "--anyway",
        help="Do not ask, whatever the entry hits: a public suffix, or with `block` your own, "
        "protected, popular and shared names, and wide networks.",
    ),
]


def build_entry_commands(action: Verdict) -> typer.Typer:
    """Return the command group `allow` or `block`; they differ in the action only."""
    group = make_group(_GROUP_HELP[action])
    for register in (_register_add, _register_remove, _register_list):
        register(group, action, f"{_ARTICLE[action]} {action} entry")
    register_import(group, action)
    register_export(group, action)
    return group


def _register_add(group: typer.Typer, action: Verdict, what: str) -> None:
    @group.command("add", help=f"Add {what} for domains, addresses, networks or URLs.")
    def add_command(  # noqa: PLR0913, PLR0917 (an option each)
        context: typer.Context,
        names: NamesArgument,
        reason: ReasonOption = "",
        duration: DurationOption = None,
        until: UntilOption = None,
        scope: ScopeOption = Scope.SUBTREE,
        suffix: PublicSuffixOption = False,
        now: NowOption = False,
        anyway: AnywayOption = False,
        as_json: JsonOption = False,
    ) -> None:
        session, given = get_session(context), read_given_names(names)
        entries, expires = _get_entries(session, action), parse_expiry(duration, until)

        def add_entry(*, anyway: bool) -> EntryChange:
            with ProgressDisplay(session, results=not as_json) as progress:
                return entries.add(
                    given.names,
                    reason=reason,
                    expires=expires,
                    scope=scope,
                    public_suffix=suffix,
                    anyway=anyway,
                    now=now,
                    progress=progress,
                )

        with given.locate_mistakes():
            change = ask_consent(add_entry, anyway=anyway)
        text = f"{action} {describe_entries(change.entries)}"
        show_entry_change(session, text, change, as_json=as_json)


def _register_remove(group: typer.Typer, action: Verdict, _what: str) -> None:
    @group.command("remove", help=f"End the {action} entries on names.")
    def remove_command(
        context: typer.Context,
        names: EntriesArgument,
        now: NowOption = False,
        as_json: JsonOption = False,
    ) -> None:
        session, given = get_session(context), read_given_names(names)
        with (
            given.locate_mistakes(),
            ProgressDisplay(session, results=not as_json) as progress,
        ):
            change = _get_entries(session, action).remove(given.names, now=now, progress=progress)
        text = f"removed your {action} entry for {describe_values(change.entries)}"
        show_entry_change(session, text, change, as_json=as_json)


def _register_list(group: typer.Typer, action: Verdict, _what: str) -> None:
    @group.command("list", help=f"List the {action} entries in force.")
    def list_command(context: typer.Context, as_json: JsonOption = False) -> None:
        entries = _get_entries(get_session(context), action).list()
        if as_json:
            show_json(
                {"entries": [{**asdict(noted.entry), "note": noted.note} for noted in entries]}
            )
        elif not entries:
            show_line(f"no {action} entries")
        else:
            columns = ("name", "scope", "reason", "by", "created", "until", "note")
            show_table(columns, map(_entry_row, entries), drop=("created", "by", "scope", "note"))


def _get_entries(session: Session, action: Verdict) -> EntryList:
    return session.blocklist.allow if action is Verdict.ALLOW else session.blocklist.block


def _entry_row(noted: NotedEntry) -> tuple[object, ...]:
    entry = noted.entry
    when = (entry.created, entry.expires)
    return entry.value, entry.scope, entry.reason, entry.author, *when, noted.note


allow_group = build_entry_commands(Verdict.ALLOW)
block_group = build_entry_commands(Verdict.BLOCK)
