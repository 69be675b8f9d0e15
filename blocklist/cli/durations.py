"""Parse the `--for` and `--until` options: text -> duration or expiry time."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

import typer

from blocklist.errors import UsageError

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

DurationOption = Annotated[
    str | None, typer.Option("--for", help="How long: 30m, 2h, 7d, 4w; else until removed.")
]
UntilOption = Annotated[
    str | None,
    typer.Option(help="Until when: 2027-01-31, with that day, or 2027-01-31T18:00 (UTC)."),
]


def parse_expiry(lasting: str | None, until: str | None) -> str | None:
    """Return when an entry ends, as the ledger writes it; None when it does not."""
    from blocklist.ledger.db.timestamps import format_timestamp

    if lasting is not None and until is not None:
        raise UsageError("give either --for or --until, not both")
    if lasting is not None:
        return format_timestamp(datetime.now(UTC) + parse_duration("--for", lasting))
    if until is None:
        return None
    moment = _parse_until(until)
    if moment <= datetime.now(UTC):
        raise UsageError(f"--until {until}: is over already")
    return format_timestamp(moment)


def parse_duration(option: str, lasting: str) -> timedelta:
    """Return what 30m, 2h, 7d or 4w means; `option` is where it was said."""
    found = re.fullmatch(r"([1-9][0-9]{0,4})([mhdw])", lasting)
    if not found:
        raise UsageError(f"{option} {lasting}: expected a number and m, h, d or w, as in 2h")
    count, unit = found.groups()
    return timedelta(**{_UNITS[unit]: int(count)})


def _parse_until(until: str) -> datetime:
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", until):
            return datetime.combine(date.fromisoformat(until), time(), UTC) + timedelta(days=1)
        moment = datetime.fromisoformat(until)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        expected = "a date such as 2027-01-31, or with a time: 2027-01-31T18:00"
        raise UsageError(f"--until {until}: expected {expected}") from None
