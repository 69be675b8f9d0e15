"""The operator's own entries, and a history of those that ended."""

import sqlite3
from collections.abc import Iterator

from blocklist.ledger.book import Book
from blocklist.ledger.times import now
from blocklist.model import Entry, Indicator, Kind, Scope, Verdict

_KINDS = list(Kind)
_SCOPES = list(Scope)
_COLUMNS = "kind, value, scope, action, reason, created, expires"


def add(book: Book, entry: Entry) -> bool:
    """Enter the operator's word; return whether it takes the place of an earlier one.

    There is one entry on the same thing and scope at a time.
    """
    row = {
        "kind": _KINDS.index(entry.kind),
        "value": entry.value,
        "scope": _SCOPES.index(entry.scope),
        "action": entry.action.value,
        "reason": entry.reason,
        "created": now(),
        "expires": entry.expires,
    }
    ended = "UPDATE operator SET removed = ? WHERE value = ? AND scope = ? AND removed IS NULL"
    with book.small() as db, db.atomic():
        replaced = db.execute(ended, [row["created"], row["value"], row["scope"]]).rowcount
        db.table("operator").insert(row)
    return bool(replaced)


def remove(book: Book, indicator: Indicator, action: Verdict) -> int:
    """End the entries with an action on an indicator, of any scope; return how many there were."""
    sql = "UPDATE operator SET removed = ? WHERE value = ? AND action = ? AND removed IS NULL"
    with book.small() as db:
        return int(db.execute(sql, [now(), indicator.value, action.value]).rowcount)


def entries(reader: sqlite3.Connection, at: str | None = None) -> Iterator[Entry]:
    """Yield the entries in force at a time (now unless told), oldest first."""
    rows = reader.execute(
        f"SELECT {_COLUMNS} FROM operator WHERE removed IS NULL "
        "AND (expires IS NULL OR expires > ?) ORDER BY id",
        [at or now()],
    )
    for kind, value, scope, action, *rest in rows:
        yield Entry(_KINDS[kind], value, _SCOPES[scope], Verdict(action), *rest)
