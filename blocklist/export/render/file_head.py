"""Head of an export file: export, state and body -> comment lines; file -> entry count."""

import re
from itertools import islice
from pathlib import Path

from blocklist.config.exports import Export
from blocklist.export.render.body import Body
from blocklist.export.render.state import ExportState

_FIRST_LINE = "Made by Blocklist. Changes by hand are lost with the next release."
# The head has a line for each feed before the serial.
_MAX_HEAD_LINES = 1000
# The characters around the text of a comment.
_MAX_MARK_LENGTH = 10
_ENTRY_COUNT_PATTERN = re.compile(rb"\S+ entries: ([0-9]{1,10})$")


def render_comment(export: Export, state: ExportState, body: Body) -> list[str]:
    """Return the comment lines: program, release, time, number of entries and feed credits.

    Every line follows from the state and the content. So rendering the head again shows whether
    anybody changed the file.
    """
    mark = export.target.comment
    if not mark:
        return []
    lines = (
        _FIRST_LINE,
        f"release: {state.release}",
        f"written: {state.written}",
        f"entries: {body.entry_count}",
        *(f"feed {credit}" for credit in body.feed_credits),
    )
    return [f"{mark} {line}" for line in lines]


def read_entry_count(path: Path) -> int | None:
    """Return how many entries a file lists; None without a file or without a count in its head."""
    return read_head_number(path, _ENTRY_COUNT_PATTERN)


def has_own_head(path: Path) -> bool:
    """Return whether this program wrote a file, by its first comment."""
    try:
        with path.open("rb") as file:
            return _FIRST_LINE.encode() in file.readline(len(_FIRST_LINE) + _MAX_MARK_LENGTH)
    except OSError:
        return False


def read_head_number(path: Path, pattern: re.Pattern[bytes]) -> int | None:
    """Return the number in the first line of a head that matches a pattern; None without one."""
    try:
        with path.open("rb") as file:
            head_lines = (line.rstrip() for line in islice(file, _MAX_HEAD_LINES))
            match = next(filter(None, map(pattern.match, head_lines)), None)
    except OSError:
        return None
    return int(match[1]) if match else None
