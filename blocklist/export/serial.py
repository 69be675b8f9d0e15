"""Serials of zones: the Unix time, and always above the one before (RFC 1982)."""

import re
from datetime import datetime
from itertools import islice
from pathlib import Path

_SIZE = 1 << 32
_SOA = re.compile(rb"@ SOA \S+ \S+ ([0-9]{1,10}) ")
_HEAD = 20


def following(previous: int | None, now: datetime) -> int:
    """Return the serial of a zone that changed: the time, unless the clock fell behind."""
    time = int(now.timestamp()) % _SIZE
    if previous is None or _above(time, previous):
        return time
    return (previous + 1) % _SIZE


def latest(known: int | None, file: Path) -> int | None:
    """Return the higher of the serial that is remembered and the one in the zone file in place.

    They differ when the ledger was lost, or a run was killed before it could remember.
    """
    written = _written(file)
    if known is None or (written is not None and _above(written, known)):
        return written
    return known


def _written(file: Path) -> int | None:
    try:
        with file.open("rb") as lines:
            found = next(filter(None, map(_SOA.match, islice(lines, _HEAD))), None)
    except OSError:
        return None
    return int(found[1]) % _SIZE if found else None


def _above(one: int, other: int) -> bool:
    """RFC 1982, 3.2: one serial is above another when it is less than half the circle ahead."""
    return 0 < (one - other) % _SIZE < _SIZE // 2
