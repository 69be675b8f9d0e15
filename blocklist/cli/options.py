"""Define the options that several commands share, and command groups."""

from typing import Annotated

import typer

from blocklist.model import Scope

#: Exit codes that belong to no error of `blocklist.errors`.
EXIT_BLOCKED, EXIT_FEED_FAILED, EXIT_EXPORT_FAILED = 1, 4, 6

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Record why, for those who ask later.")]
AcceptOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FEED", help="Accept this feed, however much it shrank or grew; repeatable."
    ),
]
LimitOption = Annotated[int, typer.Option(min=1, max=10**9, help="Show at most this many entries.")]
ScopeOption = Annotated[
    Scope,
    typer.Option(
        help="What of a domain the entry covers: exact is the name alone, below is all below it, "
        "subtree is both."
    ),
]
DurationOption = Annotated[
    str | None,
    typer.Option("--for", help="End the entry after this time: 30m, 2h, 7d or 4w."),
]
UntilOption = Annotated[
    str | None,
    typer.Option(
        help="End the entry after this day, such as 2027-01-31, or at this time, such as "
        "2027-01-31T18:00 (UTC)."
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
    return typer.Typer(
        help=help_text,
        no_args_is_help=not without_command,
        invoke_without_command=without_command,
        add_completion=False,
        rich_markup_mode=None,
    )
