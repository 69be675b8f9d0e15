"""Update feeds: fetch, parse, accept or refuse, and write the changes to the ledger."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from functools import partial
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory

from blocklist.collect.ingest import ingest_snapshot, record_failure
from blocklist.collect.outcome import UpdateOutcome, log_outcome, outcome_not_due, outcome_pinned
from blocklist.collect.parse_fingerprint import (
    is_parsed_alike,
    snapshot_digest,
    validators_to_send,
)
from blocklist.collect.schedule import next_fetch_time
from blocklist.collect.snapshot_files import find_delta_base
from blocklist.config.feeds import Feed
from blocklist.config.loader import Config
from blocklist.config.mistakes import suggest_name
from blocklist.errors import ConfigError, NotFoundError
from blocklist.fetch.fetch import fetch_feed, is_local_feed
from blocklist.fetch.types import (
    FeedProgressCallback,
    FetchError,
    PendingResult,
    is_incremental_url,
)
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.feeds.health import FeedHealth
from blocklist.ledger.feeds.line_counts import load_line_counts
from blocklist.ledger.feeds.records import register_feeds
from blocklist.model import NO_VALIDATORS


def select_feeds(config: Config, names: Iterable[str]) -> list[Feed]:
    """Return the named feeds, or all enabled ones without names.

    Raise `NotFoundError` for an unknown name, `ConfigError` if no feed is enabled.
    """
    available = {**config.guards, **config.feeds}
    names = list(dict.fromkeys(names))
    for name in names:
        if name not in available:
            hint = suggest_name(name, available)
            raise NotFoundError(f"{name}: no such feed{hint}; see: blocklist feeds list")
    feeds = [available[name] for name in names] or config.enabled_sources
    if not feeds:
        if config.path is None:
            raise ConfigError("no feed is enabled, and there is no blocklist.toml: blocklist init")
        raise ConfigError(f"no feed is enabled in {config.path}; see: blocklist feeds list")
    return feeds


def lift_size_limits(feeds: list[Feed], names: list[str]) -> list[Feed]:
    """Return the feeds, without size limits for the named ones, which a person reviewed.

    These may also be empty.

    Raise `NotFoundError` for a name that is not among the feeds.
    """
    feed_names = [feed.name for feed in feeds]
    for name in names:
        if name not in feed_names:
            raise NotFoundError(
                f"{name}: is not among the feeds to update{suggest_name(name, feed_names)}"
            )
    return [
        replace(feed, max_shrink=1.0, max_growth=inf, can_be_empty=True)
        if feed.name in names
        else feed
        for feed in feeds
    ]


def update_feeds(
    config: Config,
    writer: LedgerWriter,
    feeds: list[Feed],
    on_outcome: Callable[[UpdateOutcome], None],
    *,
    ignore_schedule: bool = False,
    progress: FeedProgressCallback = lambda *_: None,
) -> list[UpdateOutcome]:
    """Update each feed and return the outcomes in order; no feed affects another.

    Feeds are fetched at the same time and processed as they arrive; `on_outcome` is called after
    each. With `ignore_schedule` they are fetched even if they are not due. `progress` is called in
    another thread.
    """
    outcomes: dict[str, UpdateOutcome] = {}
    with read_transaction(writer.database) as transaction:
        in_force = load_line_counts(transaction.connection)
    with closing(_fetch_all(config, writer, feeds, ignore_schedule, progress)) as arrivals:
        for feed, health, arrival in arrivals:
            outcome = _process_feed(config, writer, feed, health, arrival)
            outcome = replace(outcome, lines=outcome.lines or in_force.get(feed.name))
            outcomes[feed.name] = outcome
            log_outcome(outcome)
            on_outcome(outcome)
    return [outcomes[feed.name] for feed in feeds]


def _fetch_all(
    config: Config,
    writer: LedgerWriter,
    feeds: list[Feed],
    ignore_schedule: bool,
    progress: FeedProgressCallback,
) -> Generator[tuple[Feed, FeedHealth, PendingResult | datetime | None]]:
    """Yield each feed with its health and its fetch result as soon as it arrives.

    In place of the result: the time at which a feed is due, or None for a feed that is pinned.
    """
    healths = register_feeds(writer, feeds)
    remote_feeds = []
    for feed in feeds:
        health = healths[feed.name]
        due = (
            next_fetch_time(feed, health)
            if is_parsed_alike(feed, health) and not ignore_schedule
            else None
        )
        if health.pinned:
            yield feed, health, None
        elif due is not None:
            yield feed, health, due
        elif is_local_feed(feed):
            yield (
                feed,
                health,
                partial(fetch_feed, feed, config.collect, validators_to_send(feed, health)),
            )
        else:
            remote_feeds.append(feed)
    if remote_feeds:
        yield from _fetch_remote(config, remote_feeds, healths, progress)


def _fetch_remote(
    config: Config,
    feeds: list[Feed],
    healths: dict[str, FeedHealth],
    progress: FeedProgressCallback,
) -> Iterator[tuple[Feed, FeedHealth, PendingResult]]:
    from concurrent.futures import as_completed

    from blocklist.fetch.session import FetchSession

    with (
        TemporaryDirectory(prefix="blocklist-") as scratch,
        FetchSession(config.collect, Path(scratch), progress) as session,
    ):
        started = {}
        for feed in feeds:
            validators = validators_to_send(feed, healths[feed.name])
            base = (
                _find_base(config, feed, healths[feed.name])
                if validators != NO_VALIDATORS
                else None
            )
            started[session.start_fetch(feed, validators, base)] = feed
        for future in as_completed(started):
            feed = started[future]
            yield feed, healths[feed.name], future.result()


def _find_base(config: Config, feed: Feed, health: FeedHealth) -> Path | None:
    """Return the stored list of a feed whose server can send only what changed since."""
    if not any(map(is_incremental_url, feed.urls)):
        return None
    return find_delta_base(config.database, feed.name, snapshot_digest(health))


def _process_feed(
    config: Config,
    writer: LedgerWriter,
    feed: Feed,
    health: FeedHealth,
    arrival: PendingResult | datetime | None,
) -> UpdateOutcome:
    if arrival is None:
        return outcome_pinned(feed, health)
    if isinstance(arrival, datetime):
        return outcome_not_due(feed, health, arrival)
    is_remote = not is_local_feed(feed)
    try:
        outcome = ingest_snapshot(config, writer, feed, health, arrival())
        return replace(outcome, reached=True if is_remote else None)
    except FetchError as error:
        outcome = record_failure(writer, feed, health, error)
        return replace(outcome, reached=not error.is_unreachable if is_remote else None)
