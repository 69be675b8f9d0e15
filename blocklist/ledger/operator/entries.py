"""Store and read operator entries: add, remove, expire, and list them for the judge."""

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace

from blocklist.ledger.db.codes import KINDS, SCOPES, code_of
from blocklist.ledger.db.timestamps import current_timestamp
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.lookup import LedgerLookup
from blocklist.ledger.releases.pins import decision_timestamp
from blocklist.model import Entry, Indicator, Kind, Verdict

#: Whether a feed adds evidence of its own to that of other feeds.
AddsEvidence = Callable[[str, Collection[str]], bool]


_COLUMNS = (
    "kind", "value", "scope", "action", "reason", "created", "expires", "author", "seen",
    "first_created", "imported_by",
)  # fmt: skip
_INSERT_SQL = f"INSERT INTO entry ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"


def add_entry(writer: LedgerWriter, entry: Entry) -> bool:
    """Store an operator entry; return whether it replaces an earlier one."""
    return bool(add_entries(writer, [entry]))


def add_entries(writer: LedgerWriter, entries: Iterable[Entry]) -> int:
    """Store all entries or none; return how many replace an earlier one.

    There is one active entry on the same value and scope at a time.
    """
    end_sql = "UPDATE entry SET removed = ? WHERE value = ? AND scope = ? AND removed IS NULL"
    replaced = 0
    with writer.transaction() as transaction:
        moment = decision_timestamp(transaction.connection)
        for entry in entries:
            row = _entry_row(entry, moment)
            ended = transaction.execute(end_sql, row["created"], row["value"], row["scope"])
            replaced += ended.rowcount
            transaction.execute(_INSERT_SQL, *row.values())
    return replaced


def find_replaced_entries(reader: sqlite3.Connection, entries: Iterable[Entry]) -> list[Entry]:
    """Return the active entries whose place new entries would take."""
    places = {(entry.value, entry.scope) for entry in entries}
    return [entry for entry in active_entries(reader) if (entry.value, entry.scope) in places]


def describe_replaced(entry: Entry) -> str:
    """Return in words whose entry it is, since when, and why."""
    why = f" ({entry.reason})" if entry.reason else ""
    author = entry.author or "somebody"
    return f"{author} set {entry.action} at {entry.created}{why}"


def _entry_row(entry: Entry, created: str) -> dict[str, str | int | None]:
    return {
        "kind": code_of(entry.kind),
        "value": entry.value,
        "scope": code_of(entry.scope),
        "action": entry.action.value,
        "reason": entry.reason,
        "created": created,
        "expires": entry.expires,
        "author": entry.author,
        "seen": None if entry.seen is None else json.dumps(entry.seen),
        "first_created": entry.first_created,
        "imported_by": entry.imported_by,
    }


def remove_entries(writer: LedgerWriter, indicator: Indicator, action: Verdict) -> int:
    """End the entries with an action on an indicator, of any scope; return how many there were."""
    sql = "UPDATE entry SET removed = ? WHERE value = ? AND action = ? AND removed IS NULL"
    with writer.transaction() as transaction:
        moment = decision_timestamp(transaction.connection)
        ended = transaction.execute(sql, moment, indicator.value, action.value)
        return ended.rowcount


def end_entries(writer: LedgerWriter, entries: Iterable[Entry]) -> None:
    """End active entries, each with its value, scope and action."""
    sql = (
        "UPDATE entry SET removed = ? "
        "WHERE value = ? AND scope = ? AND action = ? AND removed IS NULL"
    )
    with writer.transaction() as transaction:
        moment = decision_timestamp(transaction.connection)
        for entry in entries:
            place = (entry.value, code_of(entry.scope), entry.action.value)
            transaction.execute(sql, moment, *place)


def end_expired_entries(writer: LedgerWriter) -> list[Entry]:
    """End the entries that have expired, and return them, so that each is reported once."""
    expired = "removed IS NULL AND expires <= ?"
    moment = current_timestamp()
    with writer.transaction() as transaction:
        ended = list(_select_entries(transaction.connection, expired, moment))
        if ended:
            transaction.execute(f"UPDATE entry SET removed = expires WHERE {expired}", moment)
    return ended


def has_expired_entry(reader: sqlite3.Connection) -> bool:
    """Return whether the time of an entry is over, and nobody has ended it yet."""
    sql = "SELECT EXISTS (SELECT 1 FROM entry WHERE removed IS NULL AND expires <= ?)"
    return bool(reader.execute(sql, [current_timestamp()]).fetchone()[0])


def active_entries(reader: sqlite3.Connection, at: str | None = None) -> Iterator[Entry]:
    """Yield the entries that are active now, or were at a time, oldest first."""
    active = "removed IS NULL AND (expires IS NULL OR expires > ?)"
    return _select_entries(reader, active, at or current_timestamp())


def ended_entries(reader: sqlite3.Connection) -> Iterator[Entry]:
    """Yield the entries that are over, oldest first."""
    return _select_entries(reader, "removed IS NOT NULL OR expires <= ?", current_timestamp())


def load_judge_entries(reader: sqlite3.Connection, adds: AddsEvidence) -> Iterator[Entry]:
    """Yield the active entries in the form in which they are judged.

    A rejection counts for the evidence that its review saw. Once a feed lists the indicator that
    did not then, or in another form, the entry becomes a hold, so that a person reviews it again,
    unless the feed adds no evidence of its own (`adds`).
    """
    lookup = LedgerLookup(reader)
    for entry in active_entries(reader):
        rejected = entry.action is Verdict.ALLOW and entry.seen is not None
        new = _find_new_evidence(entry, lookup, adds) if rejected else None
        if new is None:
            yield entry
        else:
            feed, text = new
            form = "" if text == entry.value else f" as {text}"
            why = f"rejected at {entry.created}, but new: {feed} lists it{form}"
            yield replace(entry, action=Verdict.HOLD, reason=why)


def _find_new_evidence(
    entry: Entry, lookup: LedgerLookup, adds: AddsEvidence
) -> tuple[str, str] | None:
    reviewed = set(entry.seen or ())
    new = set(current_evidence(lookup, Indicator(entry.kind, entry.value))) - reviewed
    feeds = {feed for feed, _ in reviewed}
    return min((evidence for evidence in new if adds(evidence[0], feeds)), default=None)


def current_evidence(lookup: LedgerLookup, indicator: Indicator) -> list[tuple[str, str]]:
    """Return which feeds list an indicator now, and in what form, sorted.

    A URL without a path is evidence against its host; a page on a host is not.
    """
    values = [indicator.value]
    if indicator.kind is not Kind.URL:
        host = f"[{indicator.value}]" if ":" in indicator.value else indicator.value
        values += [f"http://{host}/", f"https://{host}/"]
    listings = (one for one in lookup.find_listings(values) if one.until is None)
    return sorted({(one.feed, one.evidence) for one in listings})


def _select_entries(
    reader: sqlite3.Connection, condition: str, *parameters: str
) -> Iterator[Entry]:
    rows = reader.execute(
        f"SELECT {', '.join(_COLUMNS)} FROM entry WHERE {condition} ORDER BY id",
        parameters,
    )
    for kind, value, scope, action, reason, created, expires, author, seen, *imported in rows:
        reviewed = None if seen is None else tuple((feed, text) for feed, text in json.loads(seen))
        details = (reason, created, expires, author, reviewed, *imported)
        yield Entry(KINDS[kind], value, SCOPES[scope], Verdict(action), *details)
