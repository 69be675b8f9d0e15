"""`feeds list`, `show` and `test`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blocklist.cli.session import Json, session, show, show_json, show_table
from blocklist.errors import UsageError

if TYPE_CHECKING:
    from blocklist.catalogue import Feed
    from blocklist.ledger.health import FeedHealth
    from blocklist.parse import Parsed

app = typer.Typer(help="Where indicators come from.", no_args_is_help=True)
_EXAMPLES = 3
_SAMPLE = 10


@app.command("list")
def feeds(context: typer.Context, as_json: Json = False) -> None:
    """List the feeds and guards that are known, and how they stand."""
    config = session(context).config
    known = _healths(context)
    every = [*config.guards.values(), *config.feeds.values()]
    if as_json:
        show_json([_described(feed, known.get(feed.name)) for feed in every])
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
def one(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The feed's name.")],
    as_json: Json = False,
) -> None:
    """Show all that is known about a feed."""
    from blocklist.collect.update import chosen

    (feed,) = chosen(session(context).config, [name])
    described = _described(feed, _healths(context).get(name))
    if as_json:
        show_json(described)
    else:
        show_table(
            ("key", "value"), ((k, _shown(v)) for k, v in described.items() if v is not None)
        )


@app.command("test")
def test(
    source: Annotated[str, typer.Argument(help="A file, or a URL that a feed could have.")],
    given: Annotated[
        str | None, typer.Option("--format", help="Else it is told from content.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Parse a list without storing anything, and account for every line."""
    from blocklist.collect.fetch import FetchError, fetch
    from blocklist.parse import FORMATS, detect, parse
    from blocklist.spec import suggestion

    if given is not None and given not in FORMATS:
        raise UsageError(f"--format {given}: unknown format{suggestion(given, FORMATS)}")
    try:
        body = fetch((source if "://" in source else str(Path(source)),))
    except FetchError as error:
        raise UsageError(str(error)) from None
    name = given or detect(body)
    if name is None:
        known = ", ".join(FORMATS)
        raise UsageError(f"{source}: no format reads half of it; say which with --format: {known}")
    parsed = parse(body, name)
    if as_json:
        show_json(_account(parsed))
    else:
        _show_account(parsed)


def _healths(context: typer.Context) -> dict[str, "FeedHealth"]:
    from blocklist.ledger.connection import reading
    from blocklist.ledger.health import healths

    with reading(session(context).config.database) as connection:
        return healths(connection) if connection else {}


def _described(feed: "Feed", health: "FeedHealth | None") -> dict[str, object]:
    fields = {name: getattr(feed, name) for name in feed.__dataclass_fields__}
    standing = ("state", "entries", "checked", "accepted_at", "cause")
    return fields | {name: getattr(health, name) if health else None for name in standing}


def _shown(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else value


def _account(parsed: "Parsed") -> dict[str, object]:
    return {
        "format": parsed.format,
        "lines": parsed.lines,
        "accepted": parsed.accepted,
        "comments": parsed.comments,
        "refused": parsed.refused,
        "dropped": parsed.dropped,
        "indicators": parsed.indicators.drop("line").to_dicts(),
    }


def _show_account(parsed: "Parsed") -> None:
    show(
        f"{parsed.format}: {parsed.lines:,} lines = {parsed.accepted:,} accepted + "
        f"{parsed.refusals.height:,} refused + {parsed.comments:,} comments; "
        f"{parsed.indicators.height:,} indicators"
    )
    for what, count in parsed.dropped.items():
        show(f"  left out of accepted lines: {what}, {count:,}")
    for reason, count in parsed.refused.items():
        show(f"  refused: {reason}, {count:,} lines")
        examples = parsed.refusals.filter(reason=reason).head(_EXAMPLES)
        for line, text in examples.select("line", "text").iter_rows():
            show(f"    line {line}: {text}")
    if not parsed.indicators.is_empty():
        sample = parsed.indicators.head(_SAMPLE).select("kind", "value", "scope", "evidence")
        show_table(("kind", "value", "scope", "evidence"), sample.iter_rows())
