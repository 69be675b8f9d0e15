"""Run `release build`, `list`, `show` and `diff`."""

from typing import TYPE_CHECKING, Annotated

import typer

from blocklist.cli.commands.allow_block import end_and_report_expired
from blocklist.cli.session import JsonOption, get_session, show_json, show_line, show_table
from blocklist.cli.streams import warn
from blocklist.errors import NotFoundError
from blocklist.model import Category

if TYPE_CHECKING:
    from blocklist.config.loader import Config
    from blocklist.ledger.releases.history import Release
    from blocklist.release.history.references import ReleaseReference
    from blocklist.release.result import BuildResult

app = typer.Typer(help="Numbered sets of what is blocked.", no_args_is_help=True)

LimitOption = Annotated[int, typer.Option(min=1, max=10**9, help="How many entries to show.")]
_RELEASE_HELP = "A number, current, or candidate for what the gate held."


@app.command("build")
def build_release_command(context: typer.Context, as_json: JsonOption = False) -> None:
    """Judge all that is listed and make it the next release; exit 3 when the gate holds it."""
    from blocklist.export.rehearsal import Rehearsal
    from blocklist.export.run import select_exports
    from blocklist.ledger.db.writer import open_ledger_writer
    from blocklist.release.build import build_release

    current = get_session(context)
    config = current.config
    wanted = select_exports(config, [])
    with (
        open_ledger_writer(config.database, "release build") as book,
        Rehearsal(book, config, wanted, current.show_status) as rehearsal,
    ):
        over = end_and_report_expired(current, book)
        built = build_release(config, book, "release build", verify_exports=rehearsal)
    if as_json:
        told = {"release": built.release, "changed": built.is_new, "pin": built.pin}
        show_json({"ended": over, **told})
    else:
        show_line(format_build(built))
    warn_about_build(built)


@app.command("list")
def list_releases_command(context: typer.Context, as_json: JsonOption = False) -> None:
    """List all releases, newest first: when, by whom and why, what they hold."""
    from blocklist.ledger.db.connection import open_read_only
    from blocklist.ledger.releases.history import list_releases
    from blocklist.ledger.releases.pins import find_release_pin

    with open_read_only(get_session(context).database) as connection:
        found = list_releases(connection) if connection else []
        pin = find_release_pin(connection) if connection else None
    if as_json:
        show_json(found)
        return
    columns = (
        "release", "created", "by", "who", "blocked", "held", "added", "removed", "feeds",
        "serial", "why",
    )  # fmt: skip
    show_table(columns, map(_release_row, found))
    if pin:
        show_line(format_pin(pin.release, pin.created, pin.reason))


def _release_row(release: "Release") -> tuple[object, ...]:
    sound = [feed for feed in release.feeds.values() if feed["state"] in ("fresh", "unchanged")]
    return (
        release.number,
        release.created,
        release.cause,
        release.who,
        f"{release.blocked:,}",
        f"{release.held:,}",
        f"+{release.added:,}",
        f"-{release.removed:,}",
        f"{len(sound)} of {len(release.feeds)}" if release.feeds else None,
        release.serial,
        "pruned" if release.pruned else release.reason,
    )


def format_pin(release: int | None, since: str, reason: str) -> str:
    """Return in a sentence that nothing is published, and how to end that."""
    why = f" ({reason})" if reason else ""
    return (
        f"release {release} is pinned since {since}{why}: nothing new is published until: "
        "blocklist release unpin"
    )


@app.command("show")
def show_release_command(
    context: typer.Context,
    which: Annotated[str, typer.Argument(metavar="RELEASE", help=_RELEASE_HELP)] = "current",
    limit: LimitOption = 20,
    as_json: JsonOption = False,
) -> None:
    """Show a release, or what the gate held and why: its counts, feeds and what it blocks."""
    from blocklist.ledger.db.transaction import read_transaction
    from blocklist.release.history.references import load_referenced_rows

    found = _find_release(context, which)
    with read_transaction(get_session(context).database) as bulk:
        content = load_referenced_rows(bulk, found)
    shown = content.sort("value").head(limit)
    if as_json:
        objections = [objection.text for objection in found.objections]
        told = {"release": found.release, "candidate": found.is_candidate, "objections": objections}
        show_json({**told, "entries": content.height, "shown": shown.to_dicts()})
        return
    release = found.release
    show_line(
        f"{found.title} of {release.created}: {release.blocked:,} blocked, {release.held:,} held"
    )
    for objection in found.objections:
        show_line(f"  held by the gate: {objection.text}")
    for category, count in release.categories.items():
        show_line(f"  {category}: {count:,}")
    columns = ("action", "kind", "scope", "value")
    show_table(columns, shown.select(columns).iter_rows())
    if content.height > limit:
        show_line(f"... and {content.height - limit:,} more (--limit)")


@app.command("diff")
def diff_releases_command(
    context: typer.Context,
    two: Annotated[
        tuple[str, str], typer.Argument(metavar="A B", help=f"Each is: {_RELEASE_HELP}")
    ],
    feed: Annotated[str | None, typer.Option(help="Only what this feed lists.")] = None,
    category: Annotated[
        Category | None, typer.Option(help="Only what feeds of this category list.")
    ] = None,
    limit: LimitOption = 20,
    as_json: JsonOption = False,
) -> None:
    """Show what B blocks or allows that A does not, and the other way round, and who lists it."""
    from blocklist.ledger.db.transaction import read_transaction
    from blocklist.release.gate.change_report import format_listing_feeds as listed_by
    from blocklist.release.history.diff import diff_releases

    config = get_session(context).config
    was, will = (_find_release(context, which) for which in two)
    feeds = {*config.feeds, *was.release.feeds, *will.release.feeds}
    with read_transaction(config.database) as bulk:
        found = diff_releases(
            bulk, was, will, feeds, _select_listing_feeds(config, feed, category, feeds)
        )
    parts = [("+", found.added), ("-", found.removed)]
    if as_json:
        counts = {"added": found.added.height, "removed": found.removed.height}
        by = {"added_by": found.added_by, "removed_by": found.removed_by}
        shown = {
            name: part.head(limit).to_dicts() for name, (_, part) in zip(counts, parts, strict=True)
        }
        show_json({"from": was.release, "to": will.release, **counts, **by, "shown": shown})
        return
    show_line(
        f"from {was.title} to {will.title}: +{found.added.height:,} -{found.removed.height:,}"
    )
    for line in (
        *listed_by("added rows", found.added_by),
        *listed_by("removed rows", found.removed_by),
    ):
        show_line(f"  {line}")
    columns = ("action", "kind", "scope", "value")
    rows = [(s, *row) for s, part in parts for row in part.head(limit).select(columns).iter_rows()]
    show_table(("", *columns), rows)
    left = found.added.height + found.removed.height - len(rows)
    if left:
        show_line(f"... and {left:,} more (--limit)")


def _select_listing_feeds(
    config: "Config", feed: str | None, category: Category | None, feeds: set[str]
) -> list[str] | None:
    from blocklist.config.toml import suggest_name

    if feed is not None and feed not in feeds:
        raise NotFoundError(f"{feed}: no such feed{suggest_name(feed, feeds)}")
    if feed is None and category is None:
        return None
    return [
        name
        for name in sorted(feeds)
        if feed in (None, name)
        and (category is None or (name in config.feeds and config.feeds[name].category is category))
    ]


def _find_release(context: typer.Context, which: str) -> "ReleaseReference":
    from blocklist.ledger.db.connection import open_read_only
    from blocklist.release.history.references import find_referenced_release

    with open_read_only(get_session(context).database) as connection:
        return find_referenced_release(connection, which)


def format_build(built: "BuildResult") -> str:
    """Return what a build did, in a sentence."""
    release = built.release
    if built.pin:
        return f"nothing judged: release {release.number} is pinned, {release.blocked:,} blocked"
    if not built.is_new:
        return f"nothing changed: release {release.number} stays, {release.blocked:,} blocked"
    return format_release_counts(release)


def format_release_counts(release: "Release") -> str:
    """Return a release's counts, in a sentence."""
    return (
        f"release {release.number}: {release.blocked:,} blocked (+{release.added:,} "
        f"-{release.removed:,}), {release.held:,} held for review"
    )


def warn_about_build(built: "BuildResult") -> None:
    """Tell on stderr what a person should hear of a build."""
    for note in built.notes:
        warn(note)
    if built.pin:
        warn(format_pin(built.pin.release, built.pin.created, built.pin.reason))
