"""Find pending entries: those that the current release does not express yet; sqlite3 only.

An entry counts from the next publication on. Until then it is pending, and so is the end of one.
While a release is pinned, only what was decided after the pin is pending.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from blocklist.indicators.names import name_and_ancestors
from blocklist.indicators.networks import network_and_supernets, parse_network
from blocklist.ledger.db.codes import KINDS, SCOPES
from blocklist.ledger.db.timestamps import current_timestamp
from blocklist.ledger.lookup import LedgerLookup, VerdictRecord
from blocklist.ledger.operator.entries import active_entries
from blocklist.ledger.releases.pins import find_release_pin
from blocklist.model import Entry, Kind, Reason, Scope, Verdict

_Key = tuple[str, Scope]
_ENDED_SQL = (
    "SELECT kind, value, scope, action, max(coalesce(removed, expires)) FROM entry "
    "WHERE removed IS NOT NULL OR expires <= ? GROUP BY value, scope"
)


@dataclass(frozen=True, slots=True)
class PendingChange:
    """An entry that begins or ends with the next publication."""

    kind: Kind
    value: str
    scope: Scope
    action: Verdict
    #: Whether the entry begins; if not, it ends.
    begins: bool


def find_pending_changes(reader: sqlite3.Connection) -> list[PendingChange]:
    """Return the entries that begin or end with the next publication, oldest first."""
    pin = find_release_pin(reader)
    after = pin.created if pin else ""
    active = list(active_entries(reader))
    ended = _load_ended(reader, after, {(entry.value, entry.scope) for entry in active})
    rows = _load_operator_verdicts(reader, [*active, *ended])
    begun = [
        PendingChange(entry.kind, entry.value, entry.scope, entry.action, begins=True)
        for entry in active
        if entry.created > after and not _is_expressed(entry, rows.get((entry.value, entry.scope)))
    ]
    return begun + _drop_covered(ended, active, rows)


def entries_in_force(reader: sqlite3.Connection, entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries with which a release is judged.

    Without a pin these are all. A pinned release lacks the entries that its rollback undid.
    """
    pin, entries = find_release_pin(reader), list(entries)
    if pin is None:
        return entries
    rows = _load_operator_verdicts(reader, entries)
    return [e for e in entries if e.created > pin.created or (e.value, e.scope) in rows]


def _load_ended(reader: sqlite3.Connection, after: str, active: set[_Key]) -> list[PendingChange]:
    """Return the entries that ended after a time, unless there is a later one in their place."""
    ended = reader.execute(_ENDED_SQL, [current_timestamp()])
    return [
        PendingChange(KINDS[kind], value, SCOPES[scope], Verdict(action), begins=False)
        for kind, value, scope, action, moment in ended
        if moment > after and (value, SCOPES[scope]) not in active
    ]


def _load_operator_verdicts(
    reader: sqlite3.Connection, entries: Iterable[Entry | PendingChange]
) -> dict[_Key, VerdictRecord]:
    values = {entry.value for entry in entries}
    verdicts = LedgerLookup(reader).find_verdicts(values) if values else []
    return {(row.value, row.scope): row for row in verdicts if row.reason is Reason.OPERATOR}


def _is_expressed(entry: Entry, row: VerdictRecord | None) -> bool:
    """Return whether the verdict on the value of an entry is that of the entry."""
    if row is None:
        return False
    if row.verdict is Verdict.HOLD and entry.seen is not None:  # there was new evidence
        return True
    return (row.verdict, row.cause) == (entry.action, entry.reason or None)


def _drop_covered(
    ended: list[PendingChange], active: list[Entry], rows: dict[_Key, VerdictRecord]
) -> list[PendingChange]:
    """Return the ended entries whose verdict is still there, and not that of a wider entry."""
    by_value: dict[str, list[Entry]] = {}
    for entry in active:
        by_value.setdefault(entry.value, []).append(entry)
    return [
        change
        for change in ended
        if (row := rows.get((change.value, change.scope)))
        and not any(_is_expressed(entry, row) for entry in _find_covering(change, by_value))
    ]


def _find_covering(change: PendingChange, by_value: dict[str, list[Entry]]) -> list[Entry]:
    """Return the entries of the nearest value, at or above that of a change, which cover it."""
    for step, value in enumerate(_covering_values(change)):
        covering = [
            entry
            for entry in by_value.get(value, ())
            if change.kind is Kind.IP or _covers(entry.scope, change.scope, step)
        ]
        if covering:
            return covering
    return []


def _covers(scope: Scope, part: Scope, step: int) -> bool:
    """Return whether an entry so many steps above a value covers this part of it."""
    return scope.covers_below if step else scope in (Scope.SUBTREE, part)


def _covering_values(change: PendingChange) -> Iterable[str]:
    if change.kind is Kind.DOMAIN:
        return name_and_ancestors(change.value)
    if change.kind is Kind.IP:
        return network_and_supernets(parse_network(change.value))
    return [change.value]
