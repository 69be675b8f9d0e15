"""Serials of zones: the Unix time, and always above the one before (RFC 1982)."""

from datetime import datetime
from pathlib import Path

from blocklist.export.written import serial

_SIZE = 1 << 32


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
    written = serial(file)
    if known is None or (written is not None and _above(written, known)):
        return written
    return known


def _above(one: int, other: int) -> bool:
    """RFC 1982, 3.2: one serial is above another when it is less than half the circle ahead."""
    return 0 < (one - other) % _SIZE < _SIZE // 2
