"""Render the comment at the head of a file: export, state and body -> comment lines."""

from blocklist.config.exports import Export
from blocklist.export.render.body import Body
from blocklist.export.render.state import ExportState


def render_comment(export: Export, state: ExportState, body: Body) -> list[str]:
    """Return who wrote a file, from which release, when, and how much is in it.

    Everything here follows from the state and the content, so a file that nobody touched can be
    told by writing its head again.
    """
    mark = export.target.comment
    if not mark:
        return []
    said = (
        "Made by Blocklist. Changes by hand are lost with the next release.",
        f"release: {state.release}",
        f"written: {state.written}",
        f"entries: {body.entry_count}",
        *(f"feed {credit}" for credit in body.feed_credits),
    )
    return [f"{mark} {line}" for line in said]
