"""Read held indicators for review: filters -> indicators with cause, rank and listings."""

import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from blocklist.ledger.db.codes import KINDS, REASONS, SCOPES, code_of
from blocklist.ledger.db.timestamps import days_since
from blocklist.ledger.feeds.ranks import find_ranks
from blocklist.ledger.lookup import LedgerLookup, VerdictRecord
from blocklist.ledger.temporal.pack_sql import member_end_sql, packed_value_sql
from blocklist.model import Kind, Listing, Reason, Scope, Verdict

# An indicator with an active entry is decided, unless that entry is why it is held.
_OPEN_FILTER = (
    f"v.verdict = {code_of(Verdict.HOLD)} AND v.until IS NULL "
    f"AND (v.reason = {code_of(Reason.OPERATOR)} OR NOT EXISTS (SELECT 1 FROM entry "
    "WHERE entry.value = v.value AND entry.scope = v.scope AND entry.removed IS NULL))"
)
# How many feeds list the value of a row `v` now.
_FEED_COUNT_SQL = (
    "SELECT count(*) FROM feed WHERE feed.guard IS NULL AND (EXISTS (SELECT 1 FROM listing_row "
    "WHERE feed_id = feed.id AND value = v.value AND until IS NULL) OR EXISTS "
    f"({packed_value_sql('listing', 'v.value', '1')} AND {member_end_sql('listing')} IS NULL "
    "AND batch.feed_id = feed.id))"
)
#: A cause by a top list with ranks (`judge.fame`).
_RANK_IN_CAUSE = re.compile(r"rank ([0-9,]+) of ")


@dataclass(frozen=True, slots=True)
class HeldIndicator:
    """A held indicator: its reason, and the feeds that list it with their evidence."""

    indicator: str
    kind: Kind
    scope: Scope
    reason: Reason
    cause: str | None
    #: Its position in the top list that guards it.
    rank: int | None
    feeds: tuple[str, ...]
    since: str | None
    #: For how many days it has been listed.
    age: int | None
    listings: tuple[Listing, ...]


def count_held_reasons(reader: sqlite3.Connection, feed: str | None = None) -> dict[str, int]:
    """Return how many indicators are held for each reason, most first."""
    only, parameters = _feed_filter(feed)
    counts = reader.execute(
        f"SELECT reason, count(*) FROM verdict AS v WHERE {_OPEN_FILTER} {only} "
        "GROUP BY reason ORDER BY count(*) DESC",
        parameters,
    )
    return {REASONS[reason].value: count for reason, count in counts}


def count_held_causes(reader: sqlite3.Connection, limit: int = 20) -> dict[str, int]:
    """Return the guard entries that hold most indicators, with their counts."""
    counts = reader.execute(
        f"SELECT cause, count(*) FROM verdict AS v WHERE {_OPEN_FILTER} "
        "GROUP BY cause ORDER BY count(*) DESC, cause LIMIT ?",
        [limit],
    )
    return {cause or "": count for cause, count in counts}


def list_held(
    reader: sqlite3.Connection,
    limit: int,
    reason: Reason | None = None,
    feed: str | None = None,
) -> list[HeldIndicator]:
    """Return held indicators in the order of review; with `feed`, only its own.

    Those that most feeds list come first, URLs after the others; then the most famous ones, then
    those with the same reason and cause.
    """
    why = "" if reason is None else f"AND reason = {code_of(reason)}"
    only, parameters = _feed_filter(feed)
    rows = reader.execute(
        f"SELECT kind, value, scope, reason, cause, ({_FEED_COUNT_SQL}) "
        f"FROM verdict AS v WHERE {_OPEN_FILTER} {why} {only}",
        parameters,
    ).fetchall()
    ranks = _rank_causes({row[4] for row in rows}, reader)
    rows.sort(key=lambda row: _review_order(row, ranks))
    judged = (
        VerdictRecord(KINDS[kind], value, SCOPES[scope], Verdict.HOLD, REASONS[why], cause)
        for kind, value, scope, why, cause, _ in rows[:limit]
    )
    return [_add_evidence(row, ranks, reader) for row in judged]


def _review_order(
    row: tuple[int, str, int, int, str | None, int], ranks: dict[str, int]
) -> tuple[int, bool, float, int, str, str, int]:
    kind, value, scope, reason, cause, feeds = row
    is_url = KINDS[kind] is Kind.URL
    return -feeds, is_url, ranks.get(cause or "", inf), reason, cause or "", value, scope


def list_held_values(reader: sqlite3.Connection, start: str, limit: int) -> list[str]:
    """Return held values that begin with a text, in no order."""
    rows = reader.execute(
        f"SELECT DISTINCT value FROM verdict AS v WHERE {_OPEN_FILTER} "
        "AND substr(value, 1, length(:start)) = :start LIMIT :limit",
        {"start": start, "limit": limit},
    )
    return [value for (value,) in rows]


def _feed_filter(feed: str | None) -> tuple[str, list[str]]:
    return ("", []) if feed is None else (f"AND ({_FEED_COUNT_SQL} AND feed.name = ?)", [feed])


def find_held(reader: sqlite3.Connection, value: str) -> HeldIndicator | None:
    """Return the held indicator with exactly this value, or None."""
    held = [
        row for row in LedgerLookup(reader).find_verdicts([value]) if row.verdict is Verdict.HOLD
    ]
    return _add_evidence(held[0], _rank_causes({held[0].cause}, reader), reader) if held else None


def _add_evidence(
    row: VerdictRecord, ranks: dict[str, int], reader: sqlite3.Connection
) -> HeldIndicator:
    listings = tuple(_current_listings(row, LedgerLookup(reader)))
    since = min((one.since for one in listings), default=None)
    return HeldIndicator(
        indicator=row.value,
        kind=row.kind,
        scope=row.scope,
        reason=row.reason,
        cause=row.cause,
        rank=ranks.get(row.cause or ""),
        feeds=tuple(sorted({one.feed for one in listings})),
        since=since,
        age=None if since is None else days_since(since),
        listings=listings,
    )


def _current_listings(row: VerdictRecord, lookup: LedgerLookup) -> Iterator[Listing]:
    listings = lookup.find_listings([row.value])
    if row.kind is not Kind.URL:
        listings += lookup.find_page_listings(row.value)
    yield from (one for one in listings if one.until is None)


def _rank_causes(causes: set[str | None], reader: sqlite3.Connection) -> dict[str, int]:
    """Return the rank of each cause that has one in the top list that it names."""
    ranks, lists = {}, defaultdict[str, dict[str, str]](dict)
    for cause in filter(None, causes):
        # The cause gives the rank, or names a guard entry and, in parentheses, its list.
        counted = _RANK_IN_CAUSE.match(cause)
        entry, bracket, source = cause.partition(" (")
        if counted:
            ranks[cause] = int(counted[1].replace(",", ""))
        elif bracket:
            lists[source.removesuffix(")")][entry] = cause
    for source, by_entry in lists.items():
        for entry, rank in find_ranks(reader, by_entry, source).items():
            ranks[by_entry[entry]] = rank
    return ranks
