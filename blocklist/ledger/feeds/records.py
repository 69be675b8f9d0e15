"""Record the outcome of fetching a feed: writer, feed and outcome -> its row and snapshot rows."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from blocklist.config.feeds import Feed
from blocklist.ledger.db.timestamps import current_timestamp
from blocklist.ledger.db.transaction import Transaction
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.feeds.health import FeedHealth, load_feed_health
from blocklist.model import NO_VALIDATORS, FeedState, Validators


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """What the ledger stores of a good answer for the next request.

    `expires` is for how many seconds the list wants no other request.
    """

    validators: Validators = NO_VALIDATORS
    expires: int | None = None


NO_ANSWER = AnswerRecord()


def register_feeds(writer: LedgerWriter, feeds: Iterable[Feed]) -> dict[str, FeedHealth]:
    """Return the health of all feeds by name, after adding those that are new."""
    sql = (
        "INSERT INTO feed (name, guard) VALUES (?, ?) ON CONFLICT (name) "
        "DO UPDATE SET guard = excluded.guard WHERE guard IS NOT excluded.guard"
    )
    rows = [(feed.name, feed.guard.value if feed.guard else None) for feed in feeds]
    with writer.transaction() as transaction:
        transaction.connection.executemany(sql, rows)
        return load_feed_health(transaction.connection)


def register_feed(writer: LedgerWriter, feed: Feed) -> FeedHealth:
    """Return the health of one feed, after adding it when it is new."""
    return register_feeds(writer, [feed])[feed.name]


def record_fetch_failure(
    writer: LedgerWriter,
    feed: FeedHealth,
    state: FeedState,
    cause: str,
    *,
    retry_at: str | None = None,
    is_refusal: bool = False,
) -> None:
    """Record a fetch that gave no list; the feed's listings are untouched.

    After a refusal the validators are deleted, so that no later 304 can confirm a refused answer.
    """
    with writer.transaction() as transaction:
        if is_refusal:
            update_answer(transaction, feed, NO_ANSWER)
        _update_state(transaction, feed, state, cause, retry_at)


def record_unchanged(
    writer: LedgerWriter, feed: FeedHealth, answer: AnswerRecord | None = None
) -> None:
    """Record that a feed is unchanged, and the answer, where there is more of it than a 304."""
    with writer.transaction() as transaction:
        if answer is not None:
            update_answer(transaction, feed, answer)
        _update_state(transaction, feed, FeedState.UNCHANGED, None, None)
        transaction.execute("UPDATE feed SET good_at = checked WHERE id = ?", feed.id)


def record_refusal(
    writer: LedgerWriter,
    feed: FeedHealth,
    state: FeedState,
    cause: str,
    parse_report: dict[str, object],
) -> None:
    """Record a refused snapshot with its parse report; the feed's listings are untouched."""
    row = {
        **report_columns(parse_report),
        "feed_id": feed.id,
        "run_id": writer.run_id,
        "state": FeedState.REFUSED.value,
        "cause": cause,
    }
    with writer.transaction() as transaction:
        transaction.table("snapshot").insert(row)
        update_answer(transaction, feed, NO_ANSWER)
        _update_state(transaction, feed, state, cause, None)


def report_columns(parse_report: dict[str, object]) -> dict[str, object]:
    """Return a parse report as columns of the table `snapshot`; objects become JSON."""
    columns = {key: value for key, value in parse_report.items() if key != "exempting"}
    return {
        key: json.dumps(value) if isinstance(value, dict) else value
        for key, value in columns.items()
    }


def update_answer(transaction: Transaction, feed: FeedHealth, answer: AnswerRecord) -> None:
    """Store an answer, for the next request of a feed."""
    values = {**asdict(answer.validators), "expires": answer.expires, "id": feed.id}
    transaction.connection.execute(
        "UPDATE feed SET etag = :etag, modified = :modified, source = :source, "
        "expires = :expires, retry_at = NULL WHERE id = :id",
        values,
    )


def _update_state(
    transaction: Transaction,
    feed: FeedHealth,
    state: FeedState,
    cause: str | None,
    retry_at: str | None,
) -> None:
    transaction.execute(
        "UPDATE feed SET state = ?, cause = ?, checked = ?, retry_at = ? WHERE id = ?",
        state.value, cause, current_timestamp(), retry_at, feed.id,
    )  # fmt: skip
