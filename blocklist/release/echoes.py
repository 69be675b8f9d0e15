"""Look for echoes now and then: feeds that pass on what another lists, and do not say so."""

from blocklist.config import Config
from blocklist.errors import UsageError
from blocklist.judge.overlap import OverlapReport, compute_overlap
from blocklist.ledger import echoes, listings, releases, runs
from blocklist.ledger.book import LedgerWriter
from blocklist.ledger.bulk import BulkTransaction
from blocklist.ledger.connection import open_read_only


def detect_echoes(config: Config, book: LedgerWriter) -> None:
    """Look for echoes and record them, when it is time to."""
    with book.open_connection() as db:
        due = echoes.is_echo_detection_due(db)
    if due:
        echoes.save_echoes(book, list(measure_feed_overlap(config).echoes))


def measure_feed_overlap(config: Config) -> OverlapReport:
    """Return how the enabled feeds overlap in what they list now."""
    feeds = [feed.name for feed in config.feeds.values() if feed.enabled]
    with open_read_only(config.database) as reader:
        if reader is None:
            raise UsageError("nothing was collected yet; run: blocklist run")
        days = runs.run_start_days(reader)
    with BulkTransaction(config.database) as bulk:
        listed, guarded = listings.load_listing_dates(bulk, feeds), releases.guarded_values(bulk)
    return compute_overlap(listed, days, guarded)
