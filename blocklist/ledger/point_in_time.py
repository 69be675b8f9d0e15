"""Parse a point in time: date, time or release number -> release and last run at that time."""

import re
import sqlite3
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from blocklist.errors import NotFoundError, UsageError
from blocklist.ledger.db.timestamps import format_timestamp

_ACCEPTED_FORMS = (
    "a date such as 2026-05-03, a time such as 2026-05-03T18:00 (UTC), or a release's number"
)


@dataclass(frozen=True, slots=True)
class PointInTime:
    """The release and the last run at a time, as numbers, which never go back as clocks may."""

    #: None before the first one.
    release: int | None
    run: int


def parse_point_in_time(reader: sqlite3.Connection | None, at: str) -> PointInTime:
    """Return the release and run of the end of a day, of a time, or of a release's publication.

    Without a ledger there was no release at any time. Raise `UsageError` for another form and for a
    time in the future, and `NotFoundError` for a release that does not exist or was pruned.
    """
    if at.isdecimal():
        sql = "SELECT number, run_id FROM release WHERE number = ?"
        row = reader.execute(sql, [at]).fetchone() if reader else None
        if row is None:
            raise NotFoundError(f"there is no release {at}; see: blocklist release list")
        point = PointInTime(*row)
    else:
        point = _find_point(reader, _parse_time(at))
    if reader and point.release is not None and _is_pruned(reader, point.release):
        raise NotFoundError(f"{at}: release {point.release} of then was pruned; see: release list")
    return point


def _find_point(reader: sqlite3.Connection | None, when: str) -> PointInTime:
    if reader is None:
        return PointInTime(None, 0)
    number = "SELECT max(number) FROM release WHERE created <= ?"
    run = "SELECT coalesce(max(id), 0) FROM run WHERE started <= ?"
    return PointInTime(*reader.execute(f"SELECT ({number}), ({run})", [when, when]).fetchone())


def _parse_time(at: str) -> str:
    now = datetime.now(UTC)
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", at):
            start = datetime.combine(date.fromisoformat(at), time(), UTC)
            when = min(start + timedelta(days=1, seconds=-1), max(start, now))
        else:
            when = datetime.fromisoformat(at)
            when = when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"--at {at}: expected {_ACCEPTED_FORMS}") from None
    if when > now:
        raise UsageError(f"--at {at}: is yet to come")
    return format_timestamp(when)


def _is_pruned(reader: sqlite3.Connection, number: int) -> bool:
    (pruned,) = reader.execute("SELECT pruned FROM release WHERE number = ?", [number]).fetchone()
    return bool(pruned)
