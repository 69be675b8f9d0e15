"""Run `release build`, `list`, `show` and `diff`, and register `accept`, `rollback`, `unpin`."""

from typing import TYPE_CHECKING, Annotated

import typer

from blocklist.cli.commands.release_undo import (
    accept_release_command,
    rollback_command,
    unpin_command,
)
from blocklist.cli.completion import complete_feeds, complete_references
from blocklist.cli.help import list_words
from blocklist.cli.options import JsonOption, LimitOption, make_group
from blocklist.cli.output import show_json, show_line, show_table
from blocklist.cli.progress import ProgressDisplay
from blocklist.cli.session import get_library, get_session
from blocklist.errors import GateHeld, UsageError
from blocklist.model import Category
from blocklist.pipeline.stages import describe_pin

if TYPE_CHECKING:
    from blocklist import Entry, Pin, Release, ReleaseComparison, ReleaseContent

app = make_group("Build, compare, accept and roll back releases: numbered sets of verdicts.")
app.command("accept")(accept_release_command)
app.command("rollback")(rollback_command)
app.command("unpin")(unpin_command)

_REFERENCE_HELP = "A number, `current`, or `candidate` for what the gate holds."
_TWO_RELEASES_HELP = "Two numbers; `current` or `candidate` may stand for a number."
_LIST_COLUMNS = (
    "release", "created", "by", "who", "blocked", "held", "added", "removed", "feeds", "serial",
    "why",
)  # fmt: skip
#: What a narrow terminal does not show, the first column first.
_LIST_DROPS = ("serial", "feeds", "who", "why", "held", "by", "removed", "added")
_ROW_COLUMNS = ("action", "kind", "scope", "value")


@app.command("build")
def build_release_command(context: typer.Context, as_json: JsonOption = False) -> None:
    """Judge what is listed and publish it as the next release, without fetching or exporting.

    Exit code 3: the gate held the release.
    """
    session = get_session(context)
    with ProgressDisplay(session, results=not as_json) as progress:
        try:
            built = session.blocklist.build_release(progress=progress)
        except GateHeld as held:
            if as_json:
                _show_build((), session.blocklist.releases.current(), held=str(held))
            raise
    if as_json:
        _show_build(built.expired, built.release, changed=built.is_new, pin=built.pin)


def _show_build(
    ended: "tuple[Entry, ...]",
    release: "Release | None",
    *,
    changed: bool = False,
    pin: "Pin | None" = None,
    held: str | None = None,
) -> None:
    """Write the document of `release build --json`, which has the same keys in every outcome."""
    state = {"release": release, "changed": changed, "pin": pin, "held": held}
    show_json({"ended": ended, **state})


@app.command("list")
def list_releases_command(context: typer.Context, as_json: JsonOption = False) -> None:
    """List all releases, newest first: when, by whom and why each was made, and its counts."""
    releases = get_library(context).releases
    if as_json:
        show_json({"releases": releases.list(), "pin": releases.pin()})
        return
    show_table(_LIST_COLUMNS, map(_release_row, releases.list()), drop=_LIST_DROPS)
    pin = releases.pin()
    if pin:
        show_line(describe_pin(pin))


def _release_row(release: "Release") -> tuple[object, ...]:
    good = [feed for feed in release.feeds.values() if feed["state"] in ("fresh", "unchanged")]
    return (
        release.number,
        release.created,
        release.cause,
        release.who,
        f"{release.blocked:,}",
        f"{release.held:,}",
        f"+{release.added:,}",
        f"-{release.removed:,}",
        f"{len(good)} of {len(release.feeds)}" if release.feeds else None,
        release.serial,
        "pruned" if release.pruned else release.reason,
    )


@app.command("show")
def show_release_command(
    context: typer.Context,
    which: Annotated[
        str,
        typer.Argument(metavar="RELEASE", autocompletion=complete_references, help=_REFERENCE_HELP),
    ] = "current",
    limit: LimitOption = 20,
    as_json: JsonOption = False,
) -> None:
    """Show a release, or what the gate holds and why: its counts and what it blocks."""
    content = get_library(context).releases.show(which)
    if as_json:
        show_json(_content_to_dict(content, limit))
    else:
        _show_content(content, limit)


def _content_to_dict(content: "ReleaseContent", limit: int) -> dict[str, object]:
    return {
        "release": content.release,
        "candidate": content.is_candidate,
        "objections": content.objections,
        "entries": content.rows.height,
        "shown": content.rows.sort("value").head(limit).to_dicts(),
    }


def _show_content(content: "ReleaseContent", limit: int) -> None:
    release = content.release
    title = "the candidate" if content.is_candidate else f"release {release.number}"
    show_line(f"{title} of {release.created}: {release.blocked:,} blocked, {release.held:,} held")
    for objection in content.objections:
        show_line(f"  held by the gate: {objection}")
    for category, count in release.categories.items():
        show_line(f"  {category}: {count:,}")
    shown = content.rows.sort("value").head(limit)
    show_table(_ROW_COLUMNS, shown.select(_ROW_COLUMNS).iter_rows())
    _show_rest(content.rows.height - shown.height)


@app.command("diff")
def diff_releases_command(  # noqa: PLR0913, PLR0917 (an option each)
    context: typer.Context,
    before: Annotated[
        str | None,
        typer.Argument(
            metavar="A",
            show_default=False,
            autocompletion=complete_references,
            help=_TWO_RELEASES_HELP,
        ),
    ] = None,
    after: Annotated[
        str | None,
        typer.Argument(
            metavar="B",
            show_default=False,
            autocompletion=complete_references,
            help="The later one.",
        ),
    ] = None,
    feed: Annotated[
        str | None,
        typer.Option(
            metavar="FEED", autocompletion=complete_feeds, help="Only entries that this feed lists."
        ),
    ] = None,
    category: Annotated[
        Category | None,
        typer.Option(
            metavar="CATEGORY",
            help=f"Only entries that feeds of this category list: {list_words(Category)}.",
        ),
    ] = None,
    limit: LimitOption = 20,
    as_json: JsonOption = False,
) -> None:
    """Show what B blocks or allows and A does not, what A does and B does not, and who lists it."""
    if before is None or after is None:
        raise UsageError("which two releases? For example: blocklist release diff 11 current")
    releases = get_library(context).releases
    comparison = releases.diff(before, after, feed=feed, category=category)
    if as_json:
        show_json(_comparison_to_dict(comparison, limit))
    else:
        _show_comparison(comparison, limit)


def _comparison_to_dict(comparison: "ReleaseComparison", limit: int) -> dict[str, object]:
    return {
        "from": comparison.before.release,
        "to": comparison.after.release,
        "added": comparison.added.height,
        "removed": comparison.removed.height,
        "added_by": comparison.added_by,
        "removed_by": comparison.removed_by,
        "shown": {
            "added": comparison.added.head(limit).to_dicts(),
            "removed": comparison.removed.head(limit).to_dicts(),
        },
    }


def _show_comparison(comparison: "ReleaseComparison", limit: int) -> None:
    added, removed = comparison.added, comparison.removed
    show_line(
        f"from {comparison.before.title} to {comparison.after.title}: "
        f"+{added.height:,} -{removed.height:,}"
    )
    for line in comparison.describe_feeds():
        show_line(f"  {line}")
    rows = [
        (sign, *row)
        for sign, part in (("+", added), ("-", removed))
        for row in part.head(limit).select(_ROW_COLUMNS).iter_rows()
    ]
    show_table(("", *_ROW_COLUMNS), rows)
    _show_rest(added.height + removed.height - len(rows))


def _show_rest(count: int) -> None:
    if count:
        show_line(f"... and {count:,} more (--limit)")
