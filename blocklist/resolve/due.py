"""Which names are looked at next."""

from datetime import UTC, datetime

from blocklist.ledger import facts
from blocklist.ledger.book import Book
from blocklist.ledger.bulk import Bulk
from blocklist.resolve.states import FURTHEST


def due(book: Book, limit: int) -> list[str]:
    """Return blocked names that are due, those never seen first, then the longest due."""
    now = datetime.now(UTC)
    with Bulk(book.database) as bulk:
        return facts.due(bulk, now, now + FURTHEST, limit)
