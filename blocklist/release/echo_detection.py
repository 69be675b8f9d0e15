"""Detect echoes from time to time: listings -> feeds that repeat another feed (recorded)."""

import logging

from blocklist.config.loader import Config
from blocklist.errors import NotFoundError
from blocklist.judge.overlap.overlap import OverlapReport, compute_overlap
from blocklist.ledger.db.connection import open_read_only
from blocklist.ledger.db.runs import run_start_days
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.feeds.echoes import is_echo_detection_due, save_echoes
from blocklist.ledger.feeds.listings import load_listing_dates
from blocklist.ledger.releases.verdicts import guarded_values

logger = logging.getLogger(__name__)


def detect_echoes(config: Config, writer: LedgerWriter) -> None:
    """Detect echoes and record them, if detection is due."""
    with read_transaction(writer.database) as transaction:
        is_due = is_echo_detection_due(transaction.connection)
    if not is_due:
        return
    echoes = list(measure_feed_overlap(config).echoes)
    logger.info("echo detection: %d echoes", len(echoes))
    for echo in echoes:
        parts = (echo.follower, echo.leader, 100 * echo.contained, 100 * echo.behind)
        logger.info(
            "echo: %s repeats %s, which lists %.0f %% of it, %.0f %% of that no later", *parts
        )
    save_echoes(writer, echoes)


def measure_feed_overlap(config: Config) -> OverlapReport:
    """Return the overlap of the current listings of all enabled feeds.

    Raise `NotFoundError` if nothing was collected yet.
    """
    feeds = [feed.name for feed in config.feeds.values() if feed.enabled]
    with open_read_only(config.database) as reader:
        if reader is None:
            raise NotFoundError("nothing was collected yet; run: blocklist run")
    with read_transaction(config.database) as transaction:
        run_days = run_start_days(transaction.connection)
        listings = load_listing_dates(transaction, feeds)
        guarded = guarded_values(transaction)
    return compute_overlap(listings, run_days, guarded)
