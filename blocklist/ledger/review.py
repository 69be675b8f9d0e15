"""What is held for a person to decide, with the evidence there is."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from blocklist.ledger import ranks
from blocklist.ledger.connection import version
from blocklist.ledger.lookup import Judged, Lookup
from blocklist.ledger.times import days_since
from blocklist.model import Kind, Listing, Reason, Scope, Verdict

_HOLD = list(Verdict).index(Verdict.HOLD)
_REASONS = list(Reason)
_KINDS = list(Kind)
_SCOPES = list(Scope)
# What was decided since is not asked again, unless what was decided is why it is held.
_OPEN = (
    f"v.verdict = {_HOLD} AND v.until IS NULL AND (v.reason = {_REASONS.index(Reason.OPERATOR)} "
    "OR NOT EXISTS (SELECT 1 FROM operator AS o WHERE o.value = v.value AND o.scope = v.scope "
    "AND o.removed IS NULL))"
)


@dataclass(frozen=True, slots=True)
class Held:
    """A held indicator: why, and who lists it on what evidence."""

    indicator: str
    kind: Kind
    scope: Scope
    reason: Reason
    cause: str | None
    #: Its place in the top list that guards it.
    rank: int | None
    feeds: tuple[str, ...]
    since: str | None
    #: For how many days it is listed.
    age: int | None
    listings: tuple[Listing, ...]


def counts(reader: sqlite3.Connection, feed: str | None = None) -> dict[str, int]:
    """Return how many indicators are held for each reason, most first."""
    only, parameters = _by(feed)
    rows = reader.execute(
        f"SELECT reason, count(*) FROM verdict AS v WHERE {_OPEN} {only} "
        "GROUP BY reason ORDER BY count(*) DESC",
        parameters,
    )
    return {_REASONS[reason].value: count for reason, count in rows}


def causes(reader: sqlite3.Connection, limit: int = 20) -> dict[str, int]:
    """Return the guard entries that hold most, with how much each holds."""
    rows = reader.execute(
        f"SELECT cause, count(*) FROM verdict AS v WHERE {_OPEN} "
        "GROUP BY cause ORDER BY count(*) DESC, cause LIMIT ?",
        [limit],
    )
    return {cause or "": count for cause, count in rows}


def held(
    reader: sqlite3.Connection,
    limit: int,
    reason: Reason | None = None,
    feed: str | None = None,
) -> list[Held]:
    """Return held indicators, those that most feeds list first; of all, or of what a feed lists."""
    why = "" if reason is None else f"AND reason = {_REASONS.index(reason)}"
    only, parameters = _by(feed)
    rows = reader.execute(
        "SELECT v.kind, v.value, v.scope, v.reason, v.cause, count(DISTINCT feed_id) AS votes "
        "FROM verdict AS v LEFT JOIN feed ON feed.guard IS NULL "
        "LEFT JOIN listing AS l ON l.feed_id = feed.id AND l.value = v.value AND l.until IS NULL "
        f"WHERE {_OPEN} {why} {only} "
        "GROUP BY v.value, v.scope ORDER BY votes DESC, v.value LIMIT ?",
        [*parameters, limit],
    ).fetchall()
    judged = (
        Judged(_KINDS[kind], value, _SCOPES[scope], Verdict.HOLD, _REASONS[why], cause)
        for kind, value, scope, why, cause, _ in rows
    )
    return [_with_evidence(row, reader) for row in judged]


def _by(feed: str | None) -> tuple[str, list[str]]:
    if feed is None:
        return "", []
    named = (
        "AND EXISTS (SELECT 1 FROM listing AS its JOIN feed AS f ON f.id = its.feed_id "
        "WHERE f.name = ? AND f.guard IS NULL AND its.value = v.value AND its.until IS NULL)"
    )
    return named, [feed]


def find(reader: sqlite3.Connection, value: str) -> Held | None:
    """Return what is held under exactly this value, or None."""
    rows = [row for row in Lookup(reader).verdicts([value]) if row.verdict is Verdict.HOLD]
    return _with_evidence(rows[0], reader) if rows else None


def _with_evidence(row: Judged, reader: sqlite3.Connection) -> Held:
    listings = tuple(_listings(row, Lookup(reader)))
    since = min((one.since for one in listings), default=None)
    return Held(
        indicator=row.value,
        kind=row.kind,
        scope=row.scope,
        reason=row.reason,
        cause=row.cause,
        rank=_rank(row, reader),
        feeds=tuple(sorted({one.feed for one in listings})),
        since=since,
        age=None if since is None else days_since(since),
        listings=listings,
    )


def _listings(row: Judged, lookup: Lookup) -> Iterator[Listing]:
    found = lookup.listings([row.value])
    if row.kind is not Kind.URL:
        found += lookup.pages(row.value)
    yield from (one for one in found if one.until is None)


def _rank(row: Judged, reader: sqlite3.Connection) -> int | None:
    # The cause names an entry and, in brackets, the list that it stands in.
    entry, bracket, source = (row.cause or "").partition(" (")
    if not bracket or version(reader) < 3:
        return None
    return ranks.of(reader, entry, source.removesuffix(")"))
