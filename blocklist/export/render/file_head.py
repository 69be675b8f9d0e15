"""Head of an export file: export, state and body -> comment lines; file -> serial, entry count."""

import re
from datetime import datetime
from itertools import islice
from pathlib import Path

from blocklist.config.exports import Export
from blocklist.export.render.body import Body
from blocklist.export.render.state import ExportState

# The head has a line for each feed before the serial.
_MAX_HEAD_LINES = 1000
_SERIAL_PATTERN = re.compile(rb"@ SOA \S+ \S+ ([0-9]{1,10}) ")
_ENTRY_COUNT_PATTERN = re.compile(rb"\S+ entries: ([0-9]{1,10})$")
_SERIAL_MODULUS = 1 << 32


def render_comment(export: Export, state: ExportState, body: Body) -> list[str]:
    """Return the comment lines: program, release, time, number of entries and feed credits.

    Every line follows from the state and the content. So rendering the head again shows whether
    anybody changed the file.
    """
    mark = export.target.comment
    if not mark:
        return []
    lines = (
        "Made by Blocklist. Changes by hand are lost with the next release.",
        f"release: {state.release}",
        f"written: {state.written}",
        f"entries: {body.entry_count}",
        *(f"feed {credit}" for credit in body.feed_credits),
    )
    return [f"{mark} {line}" for line in lines]


def read_entry_count(path: Path) -> int | None:
    """Return how many entries a file lists; None without a file or without a count in its head."""
    return _read_number(path, _ENTRY_COUNT_PATTERN)


def latest_serial(stored: int | None, path: Path) -> int | None:
    """Return the higher one of the stored serial and the serial of the zone file in place.

    They differ when the ledger was lost, or when a run was killed before it stored the serial.
    """
    written = _read_number(path, _SERIAL_PATTERN)
    if stored is None or (written is not None and _is_above(written, stored)):
        return written
    return stored


def next_serial(previous: int | None, now: datetime) -> int:
    """Return the serial of a changed zone: the time, or the previous serial plus 1 if higher."""
    time = int(now.timestamp()) % _SERIAL_MODULUS
    if previous is None or _is_above(time, previous):
        return time
    return (previous + 1) % _SERIAL_MODULUS


def _is_above(serial: int, other: int) -> bool:
    """Compare serials by RFC 1982, 3.2: above means less than half the number circle ahead."""
    return 0 < (serial - other) % _SERIAL_MODULUS < _SERIAL_MODULUS // 2


def _read_number(path: Path, pattern: re.Pattern[bytes]) -> int | None:
    try:
        with path.open("rb") as file:
            head_lines = (line.rstrip() for line in islice(file, _MAX_HEAD_LINES))
            match = next(filter(None, map(pattern.match, head_lines)), None)
    except OSError:
        return None
    return int(match[1]) if match else None
