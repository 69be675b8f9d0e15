"""Convert arguments of library calls: names, times and moments as given -> as stored."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from blocklist.errors import InvalidIndicator, UsageError
from blocklist.indicators.query import parse_query
from blocklist.ledger.db.timestamps import format_timestamp
from blocklist.model import Indicator, Kind

#: When something ends: at a time (UTC if it has no time zone), after a while, or never.
Expiry = datetime | timedelta | None
#: A moment of the past: a text as `check --at` takes it, a release's number, a day or a time.
Moment = str | int | date | datetime


def list_names(names: str | Iterable[str]) -> list[str]:
    """Return one name or several as a list."""
    return [names] if isinstance(names, str) else list(names)


def parse_indicator(name: str) -> Indicator:
    """Return the indicator that a name means; raise `UsageError` for what cannot be one."""
    try:
        indicator = parse_query(name)
    except InvalidIndicator as refused:
        raise UsageError(f"{name!r} is no name, address or URL: {refused.reason}") from None
    if indicator.value.endswith("/0"):
        raise UsageError(f"{indicator.value}: that is every address there is")
    return indicator


def parse_domain(name: str) -> str:
    """Return a domain name in canonical form; raise `UsageError` for anything else."""
    indicator = parse_indicator(name)
    if indicator.kind is not Kind.DOMAIN:
        raise UsageError(f"{name}: expected a name; addresses and links are not looked up")
    return indicator.value


def format_expiry(expires: Expiry) -> str | None:
    """Return when something ends, as the ledger writes it; raise `UsageError` for the past."""
    if expires is None:
        return None
    now = datetime.now(UTC)
    try:
        end = now + expires if isinstance(expires, timedelta) else _add_time_zone(expires)
        text = format_timestamp(end)
    except OverflowError:
        raise UsageError(f"expires {expires}: too far away") from None
    if end <= now:
        raise UsageError(f"expires {text}: is over already")
    return text


def format_moment(at: Moment | None) -> str | None:
    """Return a moment as `check --at` takes it."""
    if isinstance(at, datetime):
        return _add_time_zone(at).isoformat()
    return at.isoformat() if isinstance(at, date) else None if at is None else str(at)


def _add_time_zone(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
