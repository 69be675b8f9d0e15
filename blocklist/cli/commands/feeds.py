"""Run `feeds list`, `show` and `test`, and register `add` and `overlap`."""

from typing import Annotated

import typer

from blocklist import FeedStatus
from blocklist.cli.commands.feeds_add import FormatOption, add_feed_command
from blocklist.cli.commands.feeds_overlap import overlap_command
from blocklist.cli.completion import complete_feeds
from blocklist.cli.help import list_words
from blocklist.cli.options import JsonOption, make_group
from blocklist.cli.output import show_json, show_table
from blocklist.cli.render.findings import wrap
from blocklist.cli.render.line_counts import format_unread, show_line_counts
from blocklist.cli.render.parse_report import parse_report_to_dict, show_parse_report
from blocklist.cli.session import get_library, get_session
from blocklist.config.feeds import Feed
from blocklist.model import Category

app = make_group("List, try and add feeds: the sources of indicators.")
app.command("add")(add_feed_command)
app.command("overlap")(overlap_command)

_COLUMNS = ("feed", "category", "enabled", "state", "entries", "not read", "last good", "error")
#: What a narrow terminal does not show, the first column first.
_DROPS = ("enabled", "category", "last good", "not read", "error")


@app.command("list")
def list_feeds_command(
    context: typer.Context,
    category: Annotated[
        Category | None,
        typer.Option(
            metavar="CATEGORY",
            help=f"Only feeds and guards of this category: {list_words(Category)}.",
        ),
    ] = None,
    licence: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Only feeds whose licence contains this text."),
    ] = None,
    enabled: Annotated[bool, typer.Option("--enabled", help="Only feeds in use.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List all feeds and guards, and the state of each."""
    feeds = get_library(context).feeds.list(
        category=category, licence=licence or "", enabled=enabled
    )
    if as_json:
        show_json({"feeds": [status.to_dict() for status in feeds]})
    else:
        show_table(_COLUMNS, map(_feed_row, feeds), drop=_DROPS)
        _show_unverified(context, [status.feed for status in feeds])


def _show_unverified(context: typer.Context, feeds: list[Feed]) -> None:
    """Name the feeds whose format was never checked with a copy of their list."""
    names = [feed.name for feed in feeds if feed.is_unverified]
    if names:
        text = f"{len(names)} with a format that was never verified: {', '.join(names)}"
        for line in wrap(text, indent=""):
            get_session(context).show_status(line)


def _feed_row(status: FeedStatus) -> tuple[object, ...]:
    feed, health = status.feed, status.health
    return (
        feed.name,
        f"guard: {feed.guard}" if feed.guard else feed.category,
        "on" if feed.enabled else "off",
        health.state if health else "never",
        f"{health.entries:,}" if health else "",
        format_unread(status.lines),
        health.good_at if health else "",
        health.cause if health else "",
    )


@app.command("show")
def show_feed_command(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="FEED", autocompletion=complete_feeds, help="The name of a feed or guard."
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Show the settings and the state of one feed."""
    status = get_library(context).feeds.show(name)
    values = status.to_dict()
    if as_json:
        show_json(values)
        return
    del values["lines"]
    if status.feed.is_unverified:
        values["verified"] = "never"
    rows = [(key, _format_value(value)) for key, value in values.items() if not _is_empty(value)]
    show_table(("key", "value"), rows)
    if status.lines:
        show_line_counts(status.lines)


def _is_empty(value: object) -> bool:
    return value is None or value in ("", (), [])


def _format_value(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else value


@app.command("test")
def try_feed_command(
    context: typer.Context,
    source: Annotated[
        str, typer.Argument(metavar="FILE_OR_URL", help="A file, or a URL that a feed could have.")
    ],
    format_name: FormatOption = None,
    as_json: JsonOption = False,
) -> None:
    """Parse a list without storing anything, and account for every line."""
    parsed = get_library(context).feeds.test(source, format_name)
    if as_json:
        show_json(parse_report_to_dict(parsed))
    else:
        show_parse_report(parsed)
