"""Detect echoes from time to time: listings -> feeds that repeat another feed (recorded)."""

from blocklist.config.loader import Config
from blocklist.errors import NotFoundError
from blocklist.judge.overlap.overlap import OverlapReport, compute_overlap
from blocklist.ledger.db.bulk import BulkTransaction
from blocklist.ledger.db.connection import open_read_only
from blocklist.ledger.db.runs import run_start_days
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.feeds.echoes import is_echo_detection_due, save_echoes
from blocklist.ledger.feeds.listings import load_listing_dates
from blocklist.ledger.releases.verdicts import guarded_values


def detect_echoes(config: Config, book: LedgerWriter) -> None:
    """Look for echoes and record them, when it is time to."""
    with book.open_connection() as db:
        due = is_echo_detection_due(db)
    if due:
        save_echoes(book, list(measure_feed_overlap(config).echoes))


def measure_feed_overlap(config: Config) -> OverlapReport:
    """Return how the enabled feeds overlap in what they list now."""
    feeds = [feed.name for feed in config.feeds.values() if feed.enabled]
    with open_read_only(config.database) as reader:
        if reader is None:
            raise NotFoundError("nothing was collected yet; run: blocklist run")
        days = run_start_days(reader)
    with BulkTransaction(config.database) as bulk:
        listed, guarded = load_listing_dates(bulk, feeds), guarded_values(bulk)
    return compute_overlap(listed, days, guarded)
