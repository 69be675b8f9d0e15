"""What is held for a person to decide, with the evidence there is."""

import sqlite3
from dataclasses import dataclass

from blocklist.ledger.lookup import Judged, Lookup
from blocklist.model import Kind, Listing, Reason, Scope, Verdict

_HOLD = list(Verdict).index(Verdict.HOLD)
_REASONS = list(Reason)
_KINDS = list(Kind)
_SCOPES = list(Scope)


@dataclass(frozen=True, slots=True)
class Held:
    """A held indicator: why, and who lists it on what evidence."""

    indicator: str
    kind: Kind
    scope: Scope
    reason: Reason
    cause: str | None
    feeds: tuple[str, ...]
    since: str | None
    listings: tuple[Listing, ...]


def counts(reader: sqlite3.Connection) -> dict[str, int]:
    """Return how many indicators are held for each reason, most first."""
    rows = reader.execute(
        f"SELECT reason, count(*) FROM verdict WHERE verdict = {_HOLD} AND until IS NULL "
        "GROUP BY reason ORDER BY count(*) DESC"
    )
    return {_REASONS[reason].value: count for reason, count in rows}


def causes(reader: sqlite3.Connection, limit: int = 20) -> dict[str, int]:
    """Return the guard entries that hold most, with how much each holds."""
    rows = reader.execute(
        f"SELECT cause, count(*) FROM verdict WHERE verdict = {_HOLD} AND until IS NULL "
        "GROUP BY cause ORDER BY count(*) DESC, cause LIMIT ?",
        [limit],
    )
    return {cause or "": count for cause, count in rows}


def held(reader: sqlite3.Connection, limit: int, reason: Reason | None = None) -> list[Held]:
    """Return held indicators, those that most feeds list first."""
    only = "" if reason is None else f"AND reason = {_REASONS.index(reason)}"
    rows = reader.execute(
        "SELECT v.kind, v.value, v.scope, v.reason, v.cause, count(DISTINCT feed_id) AS votes "
        "FROM verdict AS v LEFT JOIN feed ON feed.guard IS NULL "
        "LEFT JOIN listing AS l ON l.feed_id = feed.id AND l.value = v.value AND l.until IS NULL "
        f"WHERE v.verdict = {_HOLD} AND v.until IS NULL {only} "
        "GROUP BY v.value, v.scope ORDER BY votes DESC, v.value LIMIT ?",
        [limit],
    ).fetchall()
    lookup = Lookup(reader)
    judged = (
        Judged(_KINDS[kind], value, _SCOPES[scope], Verdict.HOLD, _REASONS[why], cause)
        for kind, value, scope, why, cause, _ in rows
    )
    return [_with_evidence(row, lookup) for row in judged]


def find(reader: sqlite3.Connection, value: str) -> Held | None:
    """Return what is held under exactly this value, or None."""
    rows = [row for row in Lookup(reader).verdicts([value]) if row.verdict is Verdict.HOLD]
    return _with_evidence(rows[0], Lookup(reader)) if rows else None


def _with_evidence(row: Judged, lookup: Lookup) -> Held:
    listings = [one for one in lookup.listings([row.value]) if one.until is None]
    if row.kind is not Kind.URL:
        listings += [one for one in lookup.pages(row.value) if one.until is None]
    feeds = tuple(sorted({one.feed for one in listings}))
    since = min((one.since for one in listings), default=None)
    return Held(
        row.value, row.kind, row.scope, row.reason, row.cause, feeds, since, tuple(listings)
    )
