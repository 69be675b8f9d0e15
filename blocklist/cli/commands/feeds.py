"""Run `feeds list`, `show` and `test`, and register `add` and `overlap`."""

from typing import TYPE_CHECKING, Annotated

import typer

from blocklist.cli.commands.feeds_add import add_feed_command
from blocklist.cli.commands.feeds_overlap import overlap_command
from blocklist.cli.render.parse_report import build_parse_report, fetch_and_parse, show_parse_report
from blocklist.cli.session import JsonOption, get_session, show_json, show_table
from blocklist.model import Category

if TYPE_CHECKING:
    from blocklist.config.feeds import Feed
    from blocklist.ledger.feeds.health import FeedHealth

app = typer.Typer(help="Where indicators come from.", no_args_is_help=True)
app.command("add")(add_feed_command)
app.command("overlap")(overlap_command)


@app.command("list")
def list_feeds_command(
    context: typer.Context,
    category: Annotated[Category | None, typer.Option(help="Only what lists this.")] = None,
    licence: Annotated[
        str | None, typer.Option(help="Only those whose licence has this text in it.")
    ] = None,
    enabled: Annotated[bool, typer.Option("--enabled", help="Only those in use.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the feeds and guards that are known, and how they stand."""
    config = get_session(context).config
    known = _load_health(context)
    every = [
        feed
        for feed in (*config.guards.values(), *config.feeds.values())
        if category in (None, feed.category)
        and (licence or "").lower() in feed.licence.lower()
        and (feed.enabled or not enabled)
    ]
    if as_json:
        show_json([_describe_feed(feed, known.get(feed.name)) for feed in every])
        return
    rows = []
    for feed in every:
        health = known.get(feed.name)
        rows.append(
            (
                feed.name,
                f"guard: {feed.guard}" if feed.guard else feed.category,
                "on" if feed.enabled else "off",
                health.state if health else "never",
                f"{health.entries:,}" if health else "",
                health.accepted_at if health else "",
                health.cause if health else "",
            )
        )
    columns = ("feed", "category", "enabled", "state", "entries", "last good", "error")
    show_table(columns, rows)


@app.command("show")
def show_feed_command(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The feed's name.")],
    as_json: JsonOption = False,
) -> None:
    """Show all that is known about a feed."""
    from blocklist.collect.update import select_feeds

    (feed,) = select_feeds(get_session(context).config, [name])
    described = _describe_feed(feed, _load_health(context).get(name))
    if as_json:
        show_json(described)
    else:
        show_table(
            ("key", "value"), ((k, _format_value(v)) for k, v in described.items() if v is not None)
        )


@app.command("test")
def try_feed_command(
    source: Annotated[str, typer.Argument(help="A file, or a URL that a feed could have.")],
    given: Annotated[
        str | None, typer.Option("--format", help="Else it is told from content.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Parse a list without storing anything, and account for every line."""
    parsed = fetch_and_parse(source, given)
    if as_json:
        show_json(build_parse_report(parsed))
    else:
        show_parse_report(parsed)


def _load_health(context: typer.Context) -> dict[str, "FeedHealth"]:
    from blocklist.ledger.db.connection import open_read_only
    from blocklist.ledger.feeds.health import load_feed_health

    with open_read_only(get_session(context).config.database) as connection:
        return load_feed_health(connection) if connection else {}


def _describe_feed(feed: "Feed", health: "FeedHealth | None") -> dict[str, object]:
    from blocklist.fetch.credentials import redact_url

    fields = {name: getattr(feed, name) for name in feed.__dataclass_fields__}
    # What a person may have put into the configuration in clear is not for the screen.
    fields["urls"] = tuple(map(redact_url, feed.urls))
    fields |= {"sha256": redact_url(feed.sha256), "signature": redact_url(feed.signature)}
    fields["headers"] = tuple(f"{line.partition(':')[0]}: ..." for line in feed.headers)
    standing = ("state", "entries", "checked", "accepted_at", "cause")
    return fields | {name: getattr(health, name) if health else None for name in standing}


def _format_value(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else value
