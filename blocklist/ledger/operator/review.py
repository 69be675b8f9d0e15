"""Read held indicators for review: filters -> indicators with cause, rank and listings."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from blocklist.ledger.db.connection import schema_version
from blocklist.ledger.db.timestamps import days_since
from blocklist.ledger.feeds.ranks import find_rank
from blocklist.ledger.lookup import LedgerLookup, VerdictRecord
from blocklist.ledger.temporal.pack_sql import (
    has_packs,
    member_end_sql,
    packed_value_sql,
    row_table_sql,
)
from blocklist.model import Kind, Listing, Reason, Scope, Verdict

_HOLD = list(Verdict).index(Verdict.HOLD)
_REASONS = list(Reason)
_KINDS = list(Kind)
_SCOPES = list(Scope)
# What was decided since is not asked again, unless what was decided is why it is held.
_OPEN_FILTER = (
    f"v.verdict = {_HOLD} AND v.until IS NULL AND (v.reason = {_REASONS.index(Reason.OPERATOR)} "
    "OR NOT EXISTS (SELECT 1 FROM operator AS o WHERE o.value = v.value AND o.scope = v.scope "
    "AND o.removed IS NULL))"
)


@dataclass(frozen=True, slots=True)
class HeldIndicator:
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


def count_held_reasons(reader: sqlite3.Connection, feed: str | None = None) -> dict[str, int]:
    """Return how many indicators are held for each reason, most first."""
    only, parameters = _feed_filter(reader, feed)
    found = reader.execute(
        f"SELECT reason, count(*) FROM verdict AS v WHERE {_OPEN_FILTER} {only} "
        "GROUP BY reason ORDER BY count(*) DESC",
        parameters,
    )
    return {_REASONS[reason].value: count for reason, count in found}


def count_held_causes(reader: sqlite3.Connection, limit: int = 20) -> dict[str, int]:
    """Return the guard entries that hold most, with how much each holds."""
    found = reader.execute(
        f"SELECT cause, count(*) FROM verdict AS v WHERE {_OPEN_FILTER} "
        "GROUP BY cause ORDER BY count(*) DESC, cause LIMIT ?",
        [limit],
    )
    return {cause or "": count for cause, count in found}


def list_held(
    reader: sqlite3.Connection,
    limit: int,
    reason: Reason | None = None,
    feed: str | None = None,
) -> list[HeldIndicator]:
    """Return held indicators, those that most feeds list first; of all, or of what a feed lists."""
    why = "" if reason is None else f"AND reason = {_REASONS.index(reason)}"
    only, parameters = _feed_filter(reader, feed)
    found = reader.execute(
        f"SELECT kind, value, scope, reason, cause, ({_feed_count_sql(reader)}) AS votes "
        "FROM verdict AS v "
        f"WHERE {_OPEN_FILTER} {why} {only} ORDER BY votes DESC, value LIMIT ?",
        [*parameters, limit],
    ).fetchall()
    judged = (
        VerdictRecord(_KINDS[kind], value, _SCOPES[scope], Verdict.HOLD, _REASONS[why], cause)
        for kind, value, scope, why, cause, _ in found
    )
    return [_add_evidence(row, reader) for row in judged]


def _feed_filter(reader: sqlite3.Connection, feed: str | None) -> tuple[str, list[str]]:
    return (
        ("", []) if feed is None else (f"AND ({_feed_count_sql(reader)} AND feed.name = ?)", [feed])
    )


def _feed_count_sql(reader: sqlite3.Connection) -> str:
    """Return SQL for how many feeds list the value of a row `v` now."""
    listed = (
        f"EXISTS (SELECT 1 FROM {row_table_sql(reader, 'listing')} "
        "WHERE feed_id = feed.id AND value = v.value AND until IS NULL)"
    )
    if has_packs(reader):
        still = f"{member_end_sql('listing')} IS NULL AND batch.feed_id = feed.id"
        listed += f" OR EXISTS ({packed_value_sql('listing', 'v.value', '1')} AND {still})"
    return f"SELECT count(*) FROM feed WHERE feed.guard IS NULL AND ({listed})"


def find_held(reader: sqlite3.Connection, value: str) -> HeldIndicator | None:
    """Return what is held under exactly this value, or None."""
    held = [
        row for row in LedgerLookup(reader).find_verdicts([value]) if row.verdict is Verdict.HOLD
    ]
    return _add_evidence(held[0], reader) if held else None


def _add_evidence(row: VerdictRecord, reader: sqlite3.Connection) -> HeldIndicator:
    listings = tuple(_current_listings(row, LedgerLookup(reader)))
    since = min((one.since for one in listings), default=None)
    return HeldIndicator(
        indicator=row.value,
        kind=row.kind,
        scope=row.scope,
        reason=row.reason,
        cause=row.cause,
        rank=_guard_rank(row, reader),
        feeds=tuple(sorted({one.feed for one in listings})),
        since=since,
        age=None if since is None else days_since(since),
        listings=listings,
    )


def _current_listings(row: VerdictRecord, lookup: LedgerLookup) -> Iterator[Listing]:
    found = lookup.find_listings([row.value])
    if row.kind is not Kind.URL:
        found += lookup.find_page_listings(row.value)
    yield from (one for one in found if one.until is None)


def _guard_rank(row: VerdictRecord, reader: sqlite3.Connection) -> int | None:
    # The cause names an entry and, in brackets, the list that it stands in.
    entry, bracket, source = (row.cause or "").partition(" (")
    if not bracket or schema_version(reader) < 3:
        return None
    return find_rank(reader, entry, source.removesuffix(")"))
