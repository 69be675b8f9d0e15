"""Compare an entry file with the entries in force: rows, entries -> what an import changes."""

from collections.abc import Iterable
from dataclasses import dataclass

from blocklist.api.entry_files.rows import EntryRow
from blocklist.ledger.db.timestamps import current_timestamp
from blocklist.model import Entry, Verdict


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What an import changes, and what it leaves as it is."""

    added: tuple[Entry, ...]
    #: New entries, each in place of one with another reason, end, author or time.
    changed: tuple[Entry, ...]
    unchanged: tuple[Entry, ...]
    removed: tuple[Entry, ...]
    #: How many rows have an end that is over; they are left out.
    ended: int
    #: Whether nothing is left of the entries that there were, and none is added.
    empties: bool

    @property
    def changes(self) -> tuple[Entry, ...]:
        """All that is added, changed or removed."""
        return (*self.added, *self.changed, *self.removed)


def plan_import(
    rows: Iterable[EntryRow],
    active: Iterable[Entry],
    action: Verdict,
    importer: str,
    *,
    prune: bool,
) -> ImportPlan:
    """Return what an import of rows changes in the active entries of an action.

    With `prune`, entries without a row are removed. An entry whose row has ended is always removed.
    """
    existing = {(one.value, one.scope): one for one in active if one.action is action}
    now = current_timestamp()
    given = list(rows)
    ended = {row.key for row in given if row.until is not None and row.until <= now}
    added, changed, unchanged = [], [], []
    for row in given:
        entry = existing.get(row.key)
        if row.key in ended:
            continue
        if entry is None:
            added.append(row.to_entry(action, importer))
        elif row.is_expressed_by(entry):
            unchanged.append(entry)
        else:
            changed.append(row.to_entry(action, importer))
    listed = {row.key for row in given}
    removed = [
        one for key, one in existing.items() if key in ended or (prune and key not in listed)
    ]
    empties = bool(removed) and len(removed) == len(existing) and not added
    kept = (tuple(unchanged), tuple(removed), len(ended), empties)
    return ImportPlan(tuple(added), tuple(changed), *kept)
