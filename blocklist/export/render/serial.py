"""Zone serials: previous serial and time -> the next serial, always higher (RFC 1982)."""

from datetime import datetime
from pathlib import Path

from blocklist.export.render.file_head import read_serial

_SERIAL_MODULUS = 1 << 32


def next_serial(previous: int | None, now: datetime) -> int:
    """Return the serial of a zone that changed: the time, unless the clock fell behind."""
    time = int(now.timestamp()) % _SERIAL_MODULUS
    if previous is None or _is_above(time, previous):
        return time
    return (previous + 1) % _SERIAL_MODULUS


def latest_serial(known: int | None, file: Path) -> int | None:
    """Return the higher of the serial that is remembered and the one in the zone file in place.

    They differ when the ledger was lost, or a run was killed before it could remember.
    """
    written = read_serial(file)
    if known is None or (written is not None and _is_above(written, known)):
        return written
    return known


def _is_above(one: int, other: int) -> bool:
    """RFC 1982, 3.2: one serial is above another when it is less than half the circle ahead."""
    return 0 < (one - other) % _SERIAL_MODULUS < _SERIAL_MODULUS // 2
