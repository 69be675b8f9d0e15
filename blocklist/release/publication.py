"""Publish while others decide: work that may be out of date -> its result, computed again if so.

A release is computed without a lock, and published only if the current release is still the one
that it was computed from. If a decision was published meanwhile, the work begins again.
"""

import logging
from collections.abc import Callable
from typing import TypeVar

from blocklist.errors import StaleRelease
from blocklist.ledger.db.lock import hold_publication_lock
from blocklist.ledger.db.writer import LedgerWriter

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

#: The last of so many attempts of a job makes decisions wait.
_ATTEMPTS = 3


def retry_if_stale(writer: LedgerWriter, command: str, publish: Callable[[], Result]) -> Result:
    """Return the result of `publish`, for a job.

    If it raises `StaleRelease`, it is called again: the last time with the publication lock held,
    so that the publications of decisions wait.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return publish()
        except StaleRelease as stale:
            logger.info("%s; computing the release again", stale)
    with hold_publication_lock(writer.database, command):
        return publish()
