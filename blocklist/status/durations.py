"""Durations in words: timedelta -> text such as `3 days`, for people."""

from datetime import timedelta

_UNITS = (("days", 86400), ("hours", 3600), ("minutes", 60))


def describe_duration(duration: timedelta) -> str:
    """Return a duration in the largest unit of which there are two or more, rounded down."""
    seconds = int(duration.total_seconds())
    for unit, size in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds // size:,} {unit}"
    return f"{max(seconds, 0)} seconds"
