"""Run `feeds add`: try a list, show its parse report, and append it to the configuration."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from blocklist.cli.help import list_words
from blocklist.cli.options import JsonOption
from blocklist.cli.output import show_json, show_line
from blocklist.cli.render.parse_report import parse_report_to_dict, show_parse_report
from blocklist.cli.session import get_session
from blocklist.config.feeds import DEFAULT_RELIABILITY
from blocklist.errors import UsageError
from blocklist.model import Category


def _parse_reliability(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise typer.BadParameter(f"{text[:40]!r} is no number from 0 to 1")
    return number


FormatOption = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help="Read it in this format. Without: the one its content shows.",
    ),
]


def add_feed_command(  # noqa: PLR0913, PLR0917 (an option each)
    context: typer.Context,
    source: Annotated[
        str, typer.Argument(metavar="FILE_OR_URL", help="The URL or file of the list.")
    ],
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="The name of the feed. Without: one made of the URL or file name."
        ),
    ] = None,
    format_name: FormatOption = None,
    category: Annotated[
        Category | None,
        typer.Option(metavar="CATEGORY", help=f"What the feed lists: {list_words(Category)}."),
    ] = None,
    reliability: Annotated[
        float | None,
        typer.Option(
            metavar="NUMBER",
            parser=_parse_reliability,
            help=f"How far a listing is trusted, from 0 to 1. Without: {DEFAULT_RELIABILITY}.",
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Write to blocklist.toml without asking.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Add a feed of your own: fetch it, show what it lists, then write it to blocklist.toml."""
    session = get_session(context)
    feeds = session.blocklist.feeds
    if not yes and sys.stdin.isatty():
        category = category or _ask_category()
        reliability = _ask_reliability() if reliability is None else reliability
    new = feeds.prepare(
        source,
        name=name,
        format_name=format_name,
        category=category,
        reliability=reliability,
    )
    if not as_json:
        show_parse_report(new.parsed)
        show_line(f"\nto be added to {new.path}:\n\n{new.text}")
    if not yes:
        _confirm_addition(new.path)
    feeds.add(new)
    if as_json:
        parsed = parse_report_to_dict(new.parsed)
        show_json({"feed": new.name, "config": new.path, "parsed": parsed})
    session.show_status(f"added {new.name} to {new.path}; next: blocklist update {new.name}")


def _ask_category() -> Category | None:
    words = ", ".join(Category)
    answer = typer.prompt(f"What does it list? {words}", default=Category.UNKNOWN.value, err=True)
    if answer not in list(Category):
        raise UsageError(f"{answer}: is no category; they are {words}")
    return Category(answer) if answer != Category.UNKNOWN.value else None


def _ask_reliability() -> float | None:
    question = "How far is a listing trusted, from 0 to 1?"
    answer = float(typer.prompt(question, default=DEFAULT_RELIABILITY, type=float, err=True))
    return answer if answer != DEFAULT_RELIABILITY else None


def _confirm_addition(path: Path) -> None:
    if not sys.stdin.isatty():
        raise UsageError(f"{path}: left as it is; to write without being asked, add --yes")
    if not typer.confirm("Add it?", err=True):
        raise UsageError(f"{path}: left as it is")
