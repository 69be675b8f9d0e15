"""Serials of zones: the Unix time, and always above the one before (RFC 1982)."""

from datetime import datetime

_SIZE = 1 << 32


def following(previous: int | None, now: datetime) -> int:
    """Return the serial of a zone that changed: the time, unless the clock fell behind.

    RFC 1982, 3.2: one serial is above another when it is less than half the circle ahead.
    """
    time = int(now.timestamp()) % _SIZE
    if previous is None or 0 < (time - previous) % _SIZE < _SIZE // 2:
        return time
    return (previous + 1) % _SIZE
