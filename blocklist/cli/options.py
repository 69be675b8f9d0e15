"""Define the options that several commands share, and command groups."""

from typing import Annotated

import typer

from blocklist.cli.completion import complete_feeds
from blocklist.cli.help import HelpGroup, HelpTyper
from blocklist.model import Scope

_MAX_COUNT = 10**9


def parse_count(value: str | int) -> int:
    """Return the count that an option was given; its default passes as it is."""
    text = str(value)
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:20]) <= _MAX_COUNT):
        raise typer.BadParameter(f"{text[:40]!r} is no whole number from 1 to {_MAX_COUNT:,}")
    return int(text)


#: Exit codes that belong to no error of `blocklist.errors`.
EXIT_BLOCKED, EXIT_FEED_FAILED, EXIT_EXPORT_FAILED = 1, 4, 6

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
ReasonOption = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Record why, for those who ask later.")
]
AcceptOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FEED",
        autocompletion=complete_feeds,
        help="Accept this feed, however much it shrank or grew; repeatable.",
    ),
]
LimitOption = Annotated[
    int, typer.Option(metavar="COUNT", parser=parse_count, help="Show at most this many entries.")
]
ScopeOption = Annotated[
    Scope,
    typer.Option(
        metavar="SCOPE",
        help="What of a domain the entry covers: exact is the name alone, below is all below it, "
        "subtree is both.",
    ),
]
DurationOption = Annotated[
    str | None,
    typer.Option(
        "--for", metavar="DURATION", help="End the entry after this time: 30m, 2h, 7d or 4w."
    ),
]
UntilOption = Annotated[
    str | None,
    typer.Option(
        metavar="WHEN",
        help="End the entry after this day, such as 2027-01-31, or at this time, such as "
        "2027-01-31T18:00 (UTC).",
    ),
]

NowOption = Annotated[
    bool,
    typer.Option(
        "--now",
        help="Publish, export and load this decision at once, without fetching, even while a run "
        "works.",
    ),
]


def make_group(help_text: str, *, without_command: bool = False) -> typer.Typer:
    """Return a group of commands; `without_command`, it does something by itself."""
    return HelpTyper(
        cls=HelpGroup,
        help=help_text,
        no_args_is_help=not without_command,
        invoke_without_command=without_command,
        add_completion=False,
        rich_markup_mode=None,
    )
