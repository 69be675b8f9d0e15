"""`release build`, `list` and `show`."""

from typing import TYPE_CHECKING, Annotated

import typer

from blocklist.cli.operator import ended
from blocklist.cli.session import Json, session, show, show_json, show_table
from blocklist.errors import UsageError

if TYPE_CHECKING:
    from blocklist.ledger.releases import Release
    from blocklist.release.build import Built

app = typer.Typer(help="Numbered sets of what is blocked.", no_args_is_help=True)


@app.command("build")
def build(context: typer.Context, as_json: Json = False) -> None:
    """Judge all that is listed and make it the next release; exit 3 when the gate holds it."""
    from blocklist.ledger.book import writing
    from blocklist.release import build as builder

    config = session(context).config
    with writing(config.database, "release build") as book:
        over = ended(session(context), book)
        built = builder.build(config, book, "release build")
    if as_json:
        show_json({"ended": over, "release": built.release, "changed": built.fresh})
    else:
        show(sentence(built))


@app.command("list")
def releases(context: typer.Context, as_json: Json = False) -> None:
    """List all releases, newest first."""
    found = _history(context)
    if as_json:
        show_json(found)
        return
    columns = ("release", "created", "by", "blocked", "held", "added", "removed")
    counts = (
        (
            r.number,
            r.created,
            r.cause,
            f"{r.blocked:,}",
            f"{r.held:,}",
            f"+{r.added:,}",
            f"-{r.removed:,}",
        )
        for r in found
    )
    show_table(columns, counts)


@app.command("show")
def one(
    context: typer.Context,
    number: Annotated[int | None, typer.Argument(help="The newest unless told.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10**9, help="How many entries to show.")] = 20,
    as_json: Json = False,
) -> None:
    """Show a release: its counts and what it blocks."""
    from blocklist.ledger.bulk import Bulk
    from blocklist.ledger.releases import rows

    found = [r for r in _history(context) if number is None or r.number == number]
    if not found:
        wanted = "no release yet" if number is None else f"there is no release {number}"
        raise UsageError(f"{wanted}; see: blocklist release list")
    release = found[0]
    with Bulk(session(context).database) as bulk:
        content = rows(bulk, release.number)
    shown = content.sort("value").head(limit)
    if as_json:
        show_json({"release": release, "entries": content.height, "shown": shown.to_dicts()})
        return
    show(
        f"release {release.number} of {release.created}: {release.blocked:,} blocked, "
        f"{release.held:,} held"
    )
    show_table(
        ("action", "kind", "scope", "value"),
        shown.select("action", "kind", "scope", "value").iter_rows(),
    )
    if content.height > limit:
        show(f"... and {content.height - limit:,} more (--limit)")


def _history(context: typer.Context) -> list["Release"]:
    from blocklist.ledger.connection import reading
    from blocklist.ledger.releases import history

    with reading(session(context).database) as connection:
        return history(connection) if connection else []


def sentence(built: "Built") -> str:
    """Return what a build did, in a sentence."""
    release = built.release
    if not built.fresh:
        return f"nothing changed: release {release.number} stays, {release.blocked:,} blocked"
    return (
        f"release {release.number}: {release.blocked:,} blocked (+{release.added:,} "
        f"-{release.removed:,}), {release.held:,} held for review"
    )
