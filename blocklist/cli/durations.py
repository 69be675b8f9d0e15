"""Parse the `--for`, `--until` and `--keep` options: text -> duration or time."""

import re
from datetime import UTC, date, datetime, time, timedelta

from blocklist.errors import UsageError

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_expiry(duration: str | None, until: str | None) -> datetime | None:
    """Return when an entry ends; None if neither option was given."""
    if duration is not None and until is not None:
        raise UsageError("give either --for or --until, not both")
    if duration is not None:
        return datetime.now(UTC) + parse_duration("--for", duration)
    if until is None:
        return None
    end = _parse_until(until)
    if end <= datetime.now(UTC):
        raise UsageError(f"--until {until}: is over already")
    return end


def parse_duration(option: str, text: str) -> timedelta:
    """Return the duration that 30m, 2h, 7d or 4w means; `option` is named in the error."""
    match = re.fullmatch(r"([1-9][0-9]{0,4})([mhdw])", text)
    if not match:
        expected = "a number from 1 to 99999 and m, h, d or w, as in 2h"
        raise UsageError(f"{option} {text}: expected {expected}")
    count, unit = match.groups()
    return timedelta(**{_UNITS[unit]: int(count)})


def _parse_until(until: str) -> datetime:
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", until):
            return datetime.combine(date.fromisoformat(until), time(), UTC) + timedelta(days=1)
        end = datetime.fromisoformat(until)
        return end.astimezone(UTC) if end.tzinfo else end.replace(tzinfo=UTC)
    except OverflowError:
        raise UsageError(f"--until {until}: too far away") from None
    except ValueError:
        expected = "a date such as 2027-01-31, or with a time: 2027-01-31T18:00"
        raise UsageError(f"--until {until}: expected {expected}") from None
