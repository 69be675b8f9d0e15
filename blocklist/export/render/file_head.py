"""Read the head of an export file in place: path -> its serial and its number of entries."""

import re
from itertools import islice
from pathlib import Path

# A line for each feed is in it, before the serial.
_MAX_HEAD_LINES = 1000
_SERIAL_PATTERN = re.compile(rb"@ SOA \S+ \S+ ([0-9]{1,10}) ")
_ENTRY_COUNT_PATTERN = re.compile(rb"\S+ entries: ([0-9]{1,10})$")


def read_serial(file: Path) -> int | None:
    """Return the serial of a zone; none where there is no file or no zone in it."""
    return _read_number(file, _SERIAL_PATTERN)


def read_entry_count(file: Path) -> int | None:
    """Return how many entries a file lists; none where there is no file or its head is silent."""
    return _read_number(file, _ENTRY_COUNT_PATTERN)


def _read_number(file: Path, pattern: re.Pattern[bytes]) -> int | None:
    try:
        with file.open("rb") as lines:
            heads = (line.rstrip() for line in islice(lines, _MAX_HEAD_LINES))
            found = next(filter(None, map(pattern.match, heads)), None)
    except OSError:
        return None
    return int(found[1]) if found else None
