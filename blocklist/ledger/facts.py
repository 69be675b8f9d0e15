"""What resolving names gave, and which names are due."""

import json
import sqlite3

from blocklist.ledger.book import Book
from blocklist.ledger.times import now
from blocklist.model import Kind, Verdict

_DOMAIN = list(Kind).index(Kind.DOMAIN)
_BLOCK = list(Verdict).index(Verdict.BLOCK)


def due(reader: sqlite3.Connection, limit: int) -> list[str]:
    """Return blocked names to ask about: those never asked first, then the longest ago."""
    rows = reader.execute(
        "SELECT DISTINCT verdict.value FROM verdict LEFT JOIN fact ON fact.name = verdict.value "
        f"WHERE until IS NULL AND kind = {_DOMAIN} AND verdict = {_BLOCK} "
        "ORDER BY fact.checked, verdict.value LIMIT ?",
        [limit],
    )
    return [name for (name,) in rows]


def save(book: Book, facts: list[tuple[str, str, tuple[str, ...]]]) -> None:
    """Record facts (name, state, addresses) in place of what was known of the names."""
    moment = now()
    rows = [
        {"name": name, "state": state, "addresses": json.dumps(addresses), "checked": moment}
        for name, state, addresses in facts
    ]
    with book.small() as db:
        db.table("fact").upsert_all(rows, pk="name")
