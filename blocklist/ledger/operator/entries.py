"""Store and read operator entries: add, remove, expire, and list them for the judge."""

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace

from blocklist.ledger.db.connection import schema_version
from blocklist.ledger.db.timestamps import current_timestamp
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.lookup import LedgerLookup
from blocklist.model import Entry, Indicator, Kind, Scope, Verdict

_KINDS = list(Kind)
_SCOPES = list(Scope)
_COLUMNS = "kind, value, scope, action, reason, created, expires"
# A database that nothing has written to since an upgrade is still read.
_VERSION_3_COLUMNS = "author, seen"

#: Whether a feed says something of its own after others were heard.
AddsEvidence = Callable[[str, Collection[str]], bool]


def add_entry(book: LedgerWriter, entry: Entry) -> bool:
    """Enter the operator's word; return whether it takes the place of an earlier one."""
    return bool(add_entries(book, [entry]))


def add_entries(book: LedgerWriter, entries: Iterable[Entry]) -> int:
    """Enter all or none; return how many take the place of an earlier one.

    There is one entry on the same thing and scope at a time.
    """
    ended = "UPDATE operator SET removed = ? WHERE value = ? AND scope = ? AND removed IS NULL"
    replaced = 0
    with book.open_database() as db, db.atomic():
        for entry in entries:
            row = _entry_row(entry)
            found = db.execute(ended, [row["created"], row["value"], row["scope"]])
            replaced += found.rowcount
            db.table("operator").insert(row)
    return replaced


def _entry_row(entry: Entry) -> dict[str, str | int | None]:
    return {
        "kind": _KINDS.index(entry.kind),
        "value": entry.value,
        "scope": _SCOPES.index(entry.scope),
        "action": entry.action.value,
        "reason": entry.reason,
        "created": current_timestamp(),
        "expires": entry.expires,
        "author": entry.author,
        "seen": None if entry.seen is None else json.dumps(entry.seen),
    }


def remove_entries(book: LedgerWriter, indicator: Indicator, action: Verdict) -> int:
    """End the entries with an action on an indicator, of any scope; return how many there were."""
    sql = "UPDATE operator SET removed = ? WHERE value = ? AND action = ? AND removed IS NULL"
    with book.open_database() as db:
        return int(db.execute(sql, [current_timestamp(), indicator.value, action.value]).rowcount)


def end_expired_entries(book: LedgerWriter) -> list[Entry]:
    """End the entries whose time is over, and return them: each is told of once."""
    expired = "removed IS NULL AND expires <= ?"
    moment = current_timestamp()
    with book.open_connection() as db:
        ended = list(_select_entries(db, expired, moment))
        if ended:
            db.execute(f"UPDATE operator SET removed = expires WHERE {expired}", [moment])
    return ended


def active_entries(reader: sqlite3.Connection, at: str | None = None) -> Iterator[Entry]:
    """Yield the entries in force at a time (now unless told), oldest first."""
    in_force = "removed IS NULL AND (expires IS NULL OR expires > ?)"
    return _select_entries(reader, in_force, at or current_timestamp())


def ended_entries(reader: sqlite3.Connection) -> Iterator[Entry]:
    """Yield the entries that are over, oldest first."""
    return _select_entries(reader, "removed IS NOT NULL OR expires <= ?", current_timestamp())


def load_judge_entries(reader: sqlite3.Connection, adds: AddsEvidence) -> Iterator[Entry]:
    """Yield the entries in force as the judge is to take them.

    A rejection holds for what was seen when it was made. Once a feed lists the thing that did not
    then, or in another form, it is held, so that a person looks again; if the feed `adds` anything
    to those that were heard.
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
    known = set(entry.seen or ())
    new = set(current_evidence(lookup, Indicator(entry.kind, entry.value))) - known
    heard = {feed for feed, _ in known}
    return min((one for one in new if adds(one[0], heard)), default=None)


def current_evidence(lookup: LedgerLookup, indicator: Indicator) -> list[tuple[str, str]]:
    """Return which feeds list an indicator as such, and in what form, sorted.

    Links without a path speak of their host; a page on a host says nothing about it.
    """
    values = [indicator.value]
    if indicator.kind is not Kind.URL:
        host = f"[{indicator.value}]" if ":" in indicator.value else indicator.value
        values += [f"http://{host}/", f"https://{host}/"]
    found = (one for one in lookup.find_listings(values) if one.until is None)
    return sorted({(one.feed, one.evidence) for one in found})


def _select_entries(
    reader: sqlite3.Connection, condition: str, *parameters: str
) -> Iterator[Entry]:
    later = _VERSION_3_COLUMNS if schema_version(reader) >= 3 else "'' AS author, NULL AS seen"
    rows = reader.execute(
        f"SELECT {_COLUMNS}, {later} FROM operator WHERE {condition} ORDER BY id", parameters
    )
    for kind, value, scope, action, reason, created, expires, author, seen in rows:
        known = None if seen is None else tuple((feed, text) for feed, text in json.loads(seen))
        kept = (reason, created, expires, author, known)
        yield Entry(_KINDS[kind], value, _SCOPES[scope], Verdict(action), *kept)
