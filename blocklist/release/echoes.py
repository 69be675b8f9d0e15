"""Look for echoes now and then: feeds that pass on what another lists, and do not say so."""

from blocklist.config import Config
from blocklist.errors import UsageError
from blocklist.judge.overlap import Overlap, overlap
from blocklist.ledger import echoes, listings, releases, runs
from blocklist.ledger.book import Book
from blocklist.ledger.bulk import Bulk
from blocklist.ledger.connection import reading


def look(config: Config, book: Book) -> None:
    """Look for echoes and record them, when it is time to."""
    with book.opened() as db:
        due = echoes.due(db)
    if due:
        echoes.save(book, list(overlapping(config).echoes))


def overlapping(config: Config) -> Overlap:
    """Return how the enabled feeds overlap in what they list now."""
    feeds = [feed.name for feed in config.feeds.values() if feed.enabled]
    with reading(config.database) as reader:
        if reader is None:
            raise UsageError("nothing was collected yet; run: blocklist run")
        days = runs.days(reader)
    with Bulk(config.database) as bulk:
        listed, guarded = listings.dated(bulk, feeds), releases.guarded(bulk)
    return overlap(listed, days, guarded)
