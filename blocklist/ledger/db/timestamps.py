"""Timestamps of the ledger: datetime -> ISO 8601 text in UTC, and the distance from now."""

from datetime import UTC, datetime

#: No clock that is right says an earlier time: the program did not exist.
PROGRAM_START = "2025-01-01T00:00:00Z"


def format_timestamp(moment: datetime) -> str:
    """Return a time as the ledger writes it: ISO 8601, UTC, whole seconds."""
    # `strftime` writes the year 876 with three digits, and such a text sorts after all others.
    plain = moment.astimezone(UTC).replace(tzinfo=None)
    return f"{plain.isoformat(timespec='seconds')}Z"


def current_timestamp() -> str:
    """Return the present as the ledger writes it."""
    return format_timestamp(datetime.now(UTC))


def seconds_until(moment: str) -> float:
    """Return how far a time lies ahead; what is past is negative."""
    return (datetime.fromisoformat(moment) - datetime.now(UTC)).total_seconds()


def days_since(moment: str) -> int:
    """Return how many whole days ago a time was."""
    return (datetime.now(UTC) - datetime.fromisoformat(moment)).days
