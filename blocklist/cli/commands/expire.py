"""Run `expire`: end the entries whose time is over, and publish that at once if asked."""

from dataclasses import asdict

import typer

from blocklist.cli.options import JsonOption, NowOption
from blocklist.cli.output import show_json
from blocklist.cli.progress import ProgressDisplay
from blocklist.cli.render.entries import show_entry_change
from blocklist.cli.session import get_session


def expire_command(
    context: typer.Context, now: NowOption = False, as_json: JsonOption = False
) -> None:
    """End the entries whose time is over; `run` does this, too.

    For a timer that runs each minute: `expire --now` fetches nothing, and does nothing while no
    entry has ended. Exit code 6: an export failed and its old file stays.
    """
    session = get_session(context)
    with ProgressDisplay(session, results=not as_json) as progress:
        change = session.blocklist.expire(now=now, progress=progress)
    if as_json:
        published = change.published
        show_json(
            {
                "ended": [asdict(entry) for entry in change.entries],
                "release": published and published.release,
                "exports": published.exports if published else (),
            }
        )
    if change.entries or change.published or change.error:
        ended = ", ".join(f"{entry.action} {entry.value}" for entry in change.entries)
        show_entry_change(session, f"ended: {ended or 'as decided before'}", change)
