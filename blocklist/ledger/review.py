"""What is held for a person to decide, with the evidence there is."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from blocklist.ledger import ranks
from blocklist.ledger.connection import version
from blocklist.ledger.lookup import Judged, Lookup
from blocklist.ledger.packed import ending, equal, has_packs, rows
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
    only, parameters = _by(reader, feed)
    found = reader.execute(
        f"SELECT reason, count(*) FROM verdict AS v WHERE {_OPEN} {only} "
        "GROUP BY reason ORDER BY count(*) DESC",
        parameters,
    )
    return {_REASONS[reason].value: count for reason, count in found}


def causes(reader: sqlite3.Connection, limit: int = 20) -> dict[str, int]:
    """Return the guard entries that hold most, with how much each holds."""
    found = reader.execute(
        f"SELECT cause, count(*) FROM verdict AS v WHERE {_OPEN} "
        "GROUP BY cause ORDER BY count(*) DESC, cause LIMIT ?",
        [limit],
    )
    return {cause or "": count for cause, count in found}


def held(
    reader: sqlite3.Connection,
    limit: int,
    reason: Reason | None = None,
    feed: str | None = None,
) -> list[Held]:
    """Return held indicators, those that most feeds list first; of all, or of what a feed lists."""
    why = "" if reason is None else f"AND reason = {_REASONS.index(reason)}"
    only, parameters = _by(reader, feed)
    found = reader.execute(
        f"SELECT kind, value, scope, reason, cause, ({_votes(reader)}) AS votes FROM verdict AS v "
        f"WHERE {_OPEN} {why} {only} ORDER BY votes DESC, value LIMIT ?",
        [*parameters, limit],
    ).fetchall()
    judged = (
        Judged(_KINDS[kind], value, _SCOPES[scope], Verdict.HOLD, _REASONS[why], cause)
        for kind, value, scope, why, cause, _ in found
    )
    return [_with_evidence(row, reader) for row in judged]


def _by(reader: sqlite3.Connection, feed: str | None) -> tuple[str, list[str]]:
    return ("", []) if feed is None else (f"AND ({_votes(reader)} AND feed.name = ?)", [feed])


def _votes(reader: sqlite3.Connection) -> str:
    """Return SQL for how many feeds list the value of a row `v` now."""
    listed = (
        f"EXISTS (SELECT 1 FROM {rows(reader, 'listing')} "
        "WHERE feed_id = feed.id AND value = v.value AND until IS NULL)"
    )
    if has_packs(reader):
        still = f"{ending('listing')} IS NULL AND batch.feed_id = feed.id"
        listed += f" OR EXISTS ({equal('listing', 'v.value', '1')} AND {still})"
    return f"SELECT count(*) FROM feed WHERE feed.guard IS NULL AND ({listed})"


def find(reader: sqlite3.Connection, value: str) -> Held | None:
    """Return what is held under exactly this value, or None."""
    held = [row for row in Lookup(reader).verdicts([value]) if row.verdict is Verdict.HOLD]
    return _with_evidence(held[0], reader) if held else None


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
