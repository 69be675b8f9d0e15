"""The operator's own entries, and a history of those that ended."""

import sqlite3
from collections.abc import Iterator

from blocklist.ledger.book import Book
from blocklist.ledger.times import now
from blocklist.model import Entry, Indicator, Kind, Scope, Verdict

_KINDS = list(Kind)
_SCOPES = list(Scope)
_COLUMNS = "kind, value, scope, action, reason, created, expires"


def add(
    book: Book,
    indicator: Indicator,
    scope: Scope,
    action: Verdict,
    reason: str,
    expires: str | None,
) -> Entry:
    """Enter the operator's word on an indicator, in place of an earlier one of the same scope."""
    remove(book, indicator, scope)
    entry = Entry(indicator.kind, indicator.value, scope, action, reason, now(), expires)
    row = {
        "kind": _KINDS.index(entry.kind),
        "value": entry.value,
        "scope": _SCOPES.index(entry.scope),
        "action": entry.action.value,
        "reason": entry.reason,
        "created": entry.created,
        "expires": entry.expires,
    }
    with book.small() as db:
        db.table("operator").insert(row)
    return entry


def remove(
    book: Book, indicator: Indicator, scope: Scope | None = None, action: Verdict | None = None
) -> int:
    """End the entries on an indicator; return how many there were."""
    where, values = ["value = ?", "removed IS NULL"], [indicator.value]
    if scope is not None:
        where.append(f"scope = {_SCOPES.index(scope)}")
    if action is not None:
        where.append("action = ?")
        values.append(action.value)
    sql = f"UPDATE operator SET removed = ? WHERE {' AND '.join(where)}"  # noqa: S608
    with book.small() as db:
        return int(db.execute(sql, [now(), *values]).rowcount)


def entries(reader: sqlite3.Connection, at: str | None = None) -> Iterator[Entry]:
    """Yield the entries in force at a time (now unless told), oldest first."""
    rows = reader.execute(
        f"SELECT {_COLUMNS} FROM operator WHERE removed IS NULL "  # noqa: S608
        "AND (expires IS NULL OR expires > ?) ORDER BY id",
        [at or now()],
    )
    for kind, value, scope, action, *rest in rows:
        yield Entry(_KINDS[kind], value, _SCOPES[scope], Verdict(action), *rest)
