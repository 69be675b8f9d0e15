"""Ingest a fetched snapshot: parse, accept or refuse, and record the result in the ledger."""

import hashlib
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from blocklist.collect.outcome import UpdateOutcome, outcome_failing
from blocklist.collect.parse_fingerprint import is_same_snapshot, snapshot_fingerprint
from blocklist.collect.schedule import failure_state, parse_expires
from blocklist.collect.snapshot_files import (
    remove_refused_body,
    save_delta_base,
    save_refused_body,
)
from blocklist.config.feeds import Feed
from blocklist.config.loader import Config
from blocklist.fetch.types import FetchError, FetchResult, is_incremental_url, is_remote_url
from blocklist.ledger.db.timestamps import format_timestamp
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.feeds.health import FeedHealth, usual_entry_count
from blocklist.ledger.feeds.line_counts import (
    LineCounts,
    load_line_counts,
    make_line_counts,
    warn_about_rise,
)
from blocklist.ledger.feeds.records import (
    AnswerRecord,
    record_fetch_failure,
    record_refusal,
    record_unchanged,
)
from blocklist.model import FeedState
from blocklist.plugins import PluginError

if TYPE_CHECKING:
    from blocklist.parse.result import ParseResult

logger = logging.getLogger(__name__)

#: The longest delay that a server may ask for, in seconds.
_MAX_RETRY_WAIT = 86400


def ingest_snapshot(
    config: Config, writer: LedgerWriter, feed: Feed, health: FeedHealth, result: FetchResult
) -> UpdateOutcome:
    """Parse a fetched snapshot, accept or refuse it, and return the outcome.

    Raise `FetchError` if the body cannot be read.
    """
    body = result.body
    if body is None:
        record_unchanged(writer, health)
        return UpdateOutcome(feed.name, FeedState.UNCHANGED, None, health.entries)
    digest = hashlib.sha256(body).hexdigest()
    if is_same_snapshot(feed, health, digest):
        record_unchanged(writer, health, _make_answer_record(writer, health, result, body))
        remove_refused_body(writer.database, health.name)
        return UpdateOutcome(feed.name, FeedState.UNCHANGED, None, health.entries)
    # Imported here, so that a run in which no list changed does not load polars.
    from blocklist.collect.acceptance import find_refusal
    from blocklist.ledger.feeds.listings import accept_snapshot
    from blocklist.parse.parser import parse_snapshot
    from blocklist.parse.registry import load_format

    try:
        parsed = parse_snapshot(body, feed.format, feed.parse_options)
    except PluginError as error:
        raise FetchError(str(error)) from None
    is_date_dependent = load_format(feed.format).is_date_dependent
    fingerprint = snapshot_fingerprint(feed, digest, is_date_dependent=is_date_dependent)
    report = _build_parse_report(parsed, digest, len(body))
    before, usual_entries = _load_history(config, writer, feed, health)
    counts = _count_lines(parsed)
    cause = find_refusal(feed, config.policy, body, parsed, usual_entries, result.content_type)
    if cause is not None:
        outcome = _record_refusal(writer, feed, health, cause, report, result)
        return replace(outcome, lines=counts)
    answer = _make_answer_record(writer, health, result, body)
    del result, body  # may be large, and the ledger needs as much memory
    change = accept_snapshot(writer, health, parsed.indicators, fingerprint, report, answer)
    remove_refused_body(writer.database, health.name)
    numbers = (parsed.indicators.height, change.added, change.removed)
    outcome = UpdateOutcome(feed.name, FeedState.FRESH, None, *numbers)
    return replace(outcome, lines=counts, warning=warn_about_rise(counts, before))


def _load_history(
    config: Config, writer: LedgerWriter, feed: Feed, health: FeedHealth
) -> tuple[LineCounts | None, int]:
    """Return the lines of the feed's last accepted snapshot, and its usual number of entries."""
    from blocklist.collect.acceptance import size_change_limits

    with read_transaction(writer.database) as transaction:
        counts = load_line_counts(transaction.connection).get(health.name)
        limits = size_change_limits(feed, config.policy)
        usual = usual_entry_count(transaction.connection, health, *limits)
    logger.debug("feed %s: %d entries before, usually %d", feed.name, health.entries, usual)
    return counts, usual


def _make_answer_record(
    writer: LedgerWriter, health: FeedHealth, result: FetchResult, body: bytes
) -> AnswerRecord:
    """Save the base of the next incremental fetch; return what the ledger stores of the answer."""
    if is_incremental_url(result.url):
        save_delta_base(writer.database, health.name, body)
    return AnswerRecord(result.validators, parse_expires(body))


def _record_refusal(
    writer: LedgerWriter,
    feed: Feed,
    health: FeedHealth,
    cause: str,
    report: dict[str, object],
    result: FetchResult,
) -> UpdateOutcome:
    state = failure_state(feed, health, FeedState.REFUSED)
    record_refusal(writer, health, state, cause, report)
    if result.body and is_remote_url(result.url):
        save_refused_body(writer.database, feed.name, result.body)
    return outcome_failing(feed, health, state, cause)


def _count_lines(parsed: "ParseResult") -> LineCounts:
    """Return what became of the lines of a parsed snapshot."""
    return make_line_counts(
        *(parsed.lines, parsed.accepted, parsed.comments, parsed.refusal_counts, parsed.samples)
    )


def _build_parse_report(parsed: "ParseResult", digest: str, size: int) -> dict[str, object]:
    return {
        "sha256": digest,
        "bytes": size,
        "lines": parsed.lines,
        "accepted": parsed.accepted,
        "comments": parsed.comments,
        "refused": parsed.refusal_counts,
        "samples": parsed.samples,
        "exempting": parsed.exempting.to_list(),
    }


def record_failure(
    writer: LedgerWriter, feed: Feed, health: FeedHealth, error: FetchError
) -> UpdateOutcome:
    """Record that a feed could not be fetched, and return the outcome."""
    state = failure_state(feed, health, FeedState.REFUSED if error.is_refusal else FeedState.FAILED)
    cause = str(error)
    retry_at = _retry_time(error)
    record_fetch_failure(
        writer, health, state, cause, retry_at=retry_at, is_refusal=error.is_refusal
    )
    return outcome_failing(feed, health, state, cause)


def _retry_time(error: FetchError) -> str | None:
    if not error.retry_after:
        return None
    return format_timestamp(
        datetime.now(UTC) + timedelta(seconds=min(error.retry_after, _MAX_RETRY_WAIT))
    )
