"""Publish while others decide: work that may be out of date -> its result, computed again if so.

A release is computed without a lock, and published only if the current release is still the one
that it was computed from. If a decision was published meanwhile, the work begins again.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

from blocklist.errors import StaleRelease
from blocklist.ledger.db.lock import hold_publication_lock
from blocklist.ledger.db.writer import LedgerWriter

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

#: A decision may be published at any moment; a job publishes once in minutes.
_JOB_ATTEMPTS, _DECISION_ATTEMPTS = 3, 10


def publish_by_job(writer: LedgerWriter, command: str, publish: Callable[[], Result]) -> Result:
    """Return the result of `publish`, which is called again if it raises `StaleRelease`.

    The last attempt holds the publication lock, so that the publications of decisions wait.
    """
    last = hold_publication_lock(writer.database, command)
    return _retry_if_stale(publish, _JOB_ATTEMPTS, last)


def publish_by_decision(publish: Callable[[], Result]) -> Result:
    """Return the result of `publish`, which is called again if it raises `StaleRelease`.

    The publication lock must be held, so that only a job can publish meanwhile.
    """
    return _retry_if_stale(publish, _DECISION_ATTEMPTS, nullcontext())


def _retry_if_stale(
    publish: Callable[[], Result], attempts: int, last: AbstractContextManager[object]
) -> Result:
    for _ in range(attempts - 1):
        try:
            return publish()
        except StaleRelease as stale:
            logger.info("%s; computing the release again", stale)
    with last:
        return publish()
