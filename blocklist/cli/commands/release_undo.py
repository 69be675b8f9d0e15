"""Run `release accept`, `rollback` and `unpin`: change the current release by hand."""

from typing import Annotated

import typer

from blocklist import PublishReport
from blocklist.cli.completion import complete_feeds, complete_releases
from blocklist.cli.options import EXIT_EXPORT_FAILED, JsonOption, ReasonOption
from blocklist.cli.output import show_json
from blocklist.cli.progress import ProgressDisplay
from blocklist.cli.session import get_session


def accept_release_command(
    context: typer.Context,
    reason: ReasonOption,
    as_json: JsonOption = False,
) -> None:
    """Publish what the gate holds, and write the exports; look at it first.

    Exit code 3: it was judged without a healthy guard, which must be repaired, not accepted.
    """
    session = get_session(context)
    with ProgressDisplay(session, results=not as_json) as progress:
        report = session.blocklist.releases.accept(reason, progress=progress)
    _show_report(report, as_json=as_json)


def rollback_command(
    context: typer.Context,
    number: Annotated[
        int | None,
        typer.Argument(
            metavar="[RELEASE]",
            autocompletion=complete_releases,
            help="The release to go back to. Without a number: the one before the current one.",
        ),
    ] = None,
    feed: Annotated[
        str | None,
        typer.Option(
            metavar="FEED",
            autocompletion=complete_feeds,
            help="Undo only the last update of this feed, and pin the feed.",
        ),
    ] = None,
    reason: ReasonOption = "",
    as_json: JsonOption = False,
) -> None:
    """Go back to an earlier release: publish it under a new number, pin it, write the exports.

    While it is pinned, only your own entries are published; end that with: release unpin.
    """
    session = get_session(context)
    with ProgressDisplay(session, results=not as_json) as progress:
        report = session.blocklist.releases.rollback(
            number, feed=feed, reason=reason, progress=progress
        )
    _show_report(report, as_json=as_json)


def unpin_command(
    context: typer.Context,
    feed: Annotated[
        str | None,
        typer.Option(
            metavar="FEED",
            autocompletion=complete_feeds,
            help="Take the updates of this feed again.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Let the next run publish again, or take the updates of a feed again."""
    session = get_session(context)
    session.blocklist.releases.unpin(feed=feed)
    what = feed or "the current release"
    if as_json:
        show_json({"feed": feed, "unpinned": True})
    session.show_status(f"removed the pin on {what}; takes effect with the next: blocklist run")


def _show_report(report: PublishReport, *, as_json: bool) -> None:
    """Write the JSON document; exit with 6 if an export failed, and with 3 if the gate held."""
    if as_json:
        held = str(report.held) if report.held else None
        show_json({"release": report.release, "exports": report.exports, "held": held})
    if report.failed_exports:
        raise typer.Exit(EXIT_EXPORT_FAILED)
    if report.held:
        raise report.held
