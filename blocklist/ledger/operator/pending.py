"""Find pending entries: those that the current release does not express yet; sqlite3 only.

An entry counts from the next publication on. Until then it is pending, and so is the end of one.
While a release is pinned, entries that its rollback undid or brought back stay so.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from blocklist.indicators.names import name_and_ancestors
from blocklist.indicators.networks import network_and_supernets, parse_network
from blocklist.ledger.db.codes import KINDS, SCOPES
from blocklist.ledger.db.timestamps import current_timestamp
from blocklist.ledger.lookup import LedgerLookup, VerdictInterval
from blocklist.ledger.operator.entries import active_entries
from blocklist.ledger.releases.pins import find_release_pin
from blocklist.model import Entry, Kind, Scope, Verdict

_Key = tuple[str, Scope]
_ENDED_SQL = (
    "SELECT kind, value, scope, action, max(coalesce(removed, expires)) FROM entry "
    "WHERE removed IS NOT NULL OR expires <= ? GROUP BY value, scope"
)
_ROLLBACKS_SQL = "SELECT number, created FROM release WHERE origin IS NOT NULL"


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
    active, ended = list(active_entries(reader)), _load_ended(reader)
    if not active and not ended:
        return []
    verdicts = _EntryVerdicts(reader, {e.value for e in active} | {e.value for e in ended})
    begun = [
        PendingChange(entry.kind, entry.value, entry.scope, entry.action, begins=True)
        for entry in active
        if not (verdicts.has(entry) or verdicts.is_undone(entry))
    ]
    keys = {(entry.value, entry.scope) for entry in active}
    over = [
        change
        for change, moment in ended.items()
        if (change.value, change.scope) not in keys and not verdicts.is_revived(change, moment)
    ]
    return begun + _drop_covered(over, active, verdicts)


def entries_in_force(reader: sqlite3.Connection, entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries with which a release is judged: all but those that a rollback undid."""
    entries = list(entries)
    if find_release_pin(reader) is None:
        return entries
    verdicts = _EntryVerdicts(reader, {entry.value for entry in entries})
    return [entry for entry in entries if verdicts.has(entry) or not verdicts.is_undone(entry)]


def _load_ended(reader: sqlite3.Connection) -> dict[PendingChange, str]:
    """Return the entries that ended, the last on each value and scope, and when they did."""
    return {
        PendingChange(KINDS[kind], value, SCOPES[scope], Verdict(action), begins=False): moment
        for kind, value, scope, action, moment in reader.execute(_ENDED_SQL, [current_timestamp()])
    }


class _EntryVerdicts:
    """The verdicts of entries on some values, of now and of the past."""

    def __init__(self, reader: sqlite3.Connection, values: Iterable[str]) -> None:
        self._current: dict[_Key, VerdictInterval] = {}
        self._past: dict[_Key, list[VerdictInterval]] = {}
        for row in LedgerLookup(reader).find_intervals(values):
            key = row.value, row.scope
            if row.until is None:
                self._current[key] = row
            else:
                self._past.setdefault(key, []).append(row)
        self._rollbacks = _load_rollbacks(reader)

    def find(self, value: str, scope: Scope) -> VerdictInterval | None:
        """Return the current verdict of an entry on a value and scope."""
        return self._current.get((value, scope))

    def has(self, entry: Entry) -> bool:
        """Return whether the current release expresses an entry."""
        row = self.find(entry.value, entry.scope)
        return row is not None and _is_verdict_of(entry, row)

    def is_undone(self, entry: Entry) -> bool:
        """Return whether the pinned release, or one before it, took an entry out of force."""
        return any(
            _is_verdict_of(entry, row) and entry.created <= self._rollbacks.get(row.until or 0, "")
            for row in self._past.get((entry.value, entry.scope), ())
        )

    def is_revived(self, change: PendingChange, moment: str) -> bool:
        """Return whether the pinned release brought back an entry that ended at a moment."""
        row = self.find(change.value, change.scope)
        return row is not None and moment <= self._rollbacks.get(row.since, "")


def _load_rollbacks(reader: sqlite3.Connection) -> dict[int, str]:
    """Return when each release that a rollback made was published; none without a pin.

    The pin is later than all that was decided before it, also if the clock was set back.
    """
    pin = find_release_pin(reader)
    if pin is None:
        return {}
    rollbacks = dict(reader.execute(_ROLLBACKS_SQL).fetchall())
    return rollbacks | {pin.release: pin.created} if pin.release else rollbacks


def _is_verdict_of(entry: Entry, row: VerdictInterval) -> bool:
    """Return whether a verdict on the value of an entry is that of the entry."""
    if row.verdict is Verdict.HOLD and entry.seen is not None:  # there was new evidence
        return True
    return (row.verdict, row.cause) == (entry.action, entry.reason or None)


def _drop_covered(
    ended: list[PendingChange], active: list[Entry], verdicts: _EntryVerdicts
) -> list[PendingChange]:
    """Return the ended entries whose verdict is still there, and not that of a wider entry."""
    by_value: dict[str, list[Entry]] = {}
    for entry in active:
        by_value.setdefault(entry.value, []).append(entry)
    return [
        change
        for change in ended
        if (row := verdicts.find(change.value, change.scope))
        and not any(_is_verdict_of(entry, row) for entry in _find_covering(change, by_value))
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
