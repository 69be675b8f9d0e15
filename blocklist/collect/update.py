"""Update feeds: fetch, parse, accept or refuse, and write the changes to the ledger."""

import hashlib
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from blocklist.collect.parse_fingerprint import (
    is_parsed_alike,
    options_from_feed,
    snapshot_digest,
    snapshot_fingerprint,
    validators_to_send,
)
from blocklist.collect.schedule import failure_state, next_fetch_time, parse_expires
from blocklist.collect.snapshot_files import (
    find_delta_base,
    remove_refused_body,
    save_delta_base,
    save_refused_body,
)
from blocklist.config.feeds import Feed
from blocklist.config.loader import Config
from blocklist.config.toml import suggest_name
from blocklist.errors import ConfigError, NotFoundError
from blocklist.fetch.fetch import fetch_feed, is_local_feed
from blocklist.fetch.types import (
    FeedProgressCallback,
    FetchError,
    FetchResult,
    PendingResult,
    is_incremental_url,
    is_remote_url,
)
from blocklist.ledger.db.timestamps import format_timestamp
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.feeds.age import describe_age
from blocklist.ledger.feeds.health import FeedHealth
from blocklist.model import NO_VALIDATORS, FeedState, GuardClass, Validators
from blocklist.parse.options import FORMAT_NAMES

if TYPE_CHECKING:
    from blocklist.parse.result import ParseResult

#: No server is obeyed for longer, in seconds.
_MAX_RETRY_WAIT = 86400


@dataclass(frozen=True, slots=True)
class UpdateOutcome:
    """How the update of one feed ended."""

    feed: str
    state: FeedState
    cause: str | None
    entries: int
    added: int = 0
    removed: int = 0
    #: What else there is to say: why it was not looked at, how old its last good is.
    note: str | None = None

    @property
    def is_good(self) -> bool:
        """Whether the feed could be brought up to date."""
        return self.state.is_good


def select_feeds(config: Config, names: Iterable[str]) -> list[Feed]:
    """Return the feeds of these names, or all enabled ones; raise `UsageError` for unknown ones."""
    known = {**config.guards, **config.feeds}
    names = list(dict.fromkeys(names))
    for name in names:
        if name not in known:
            raise NotFoundError(f"{name}: no such feed{suggest_name(name, known)}")
    feeds = [known[name] for name in names] or config.enabled_sources
    if not feeds:
        if config.path is None:
            raise ConfigError("no feed is enabled, and there is no blocklist.toml: blocklist init")
        raise ConfigError(f"no feed is enabled in {config.path}; see: blocklist feeds list")
    for feed in feeds:
        if feed.format not in FORMAT_NAMES:
            hint = suggest_name(feed.format, FORMAT_NAMES)
            where = f"{config.path or 'the catalogue'}: {feed.config_key}.format"
            raise ConfigError(f"{where}: unknown format {feed.format!r}{hint}")
    return feeds


def lift_size_limits(feeds: list[Feed], names: list[str]) -> list[Feed]:
    """Return the feeds, those named free to shrink and grow: a person looked at them.

    Raise `UsageError` for a name that none of them has.
    """
    known = [feed.name for feed in feeds]
    for name in names:
        if name not in known:
            raise NotFoundError(
                f"{name}: is not among the feeds to update{suggest_name(name, known)}"
            )
    return [
        replace(feed, max_shrink=1.0, max_growth=inf) if feed.name in names else feed
        for feed in feeds
    ]


def update_feeds(
    config: Config,
    book: LedgerWriter,
    feeds: list[Feed],
    done: Callable[[UpdateOutcome], None],
    *,
    named: bool = False,
    progress: FeedProgressCallback = lambda *_: None,
) -> list[UpdateOutcome]:
    """Update each feed, tell `done` of it, and return all outcomes; no feed harms another.

    Feeds are fetched at once and taken as they come; whoever has `named` them does not want to
    wait until they are due. `progress` is called in another thread.
    """
    outcomes: dict[str, UpdateOutcome] = {}
    with closing(_fetch_all(config, book, feeds, named, progress)) as arrivals:
        for feed, health, got in arrivals:
            outcome = _process_feed(config, book, feed, health, got)
            outcomes[feed.name] = outcome
            done(outcome)
    return [outcomes[feed.name] for feed in feeds]


def _fetch_all(
    config: Config,
    book: LedgerWriter,
    feeds: list[Feed],
    named: bool,
    progress: FeedProgressCallback,
) -> Generator[tuple[Feed, FeedHealth, "PendingResult | datetime | None"]]:
    """Yield each feed with its answer as soon as it is there.

    In place of the answer stands when it is due, or None for a feed that is pinned.
    """
    healths = {feed.name: book.register_feed(feed) for feed in feeds}
    away = []
    for feed in feeds:
        health = healths[feed.name]
        due = next_fetch_time(feed, health) if is_parsed_alike(feed, health) and not named else None
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
            away.append(feed)
    if away:
        yield from _fetch_remote(config, away, healths, progress)


def _fetch_remote(
    config: Config,
    feeds: list[Feed],
    healths: dict[str, FeedHealth],
    progress: FeedProgressCallback,
) -> Iterator[tuple[Feed, FeedHealth, "PendingResult"]]:
    from concurrent.futures import as_completed

    from blocklist.fetch.session import FetchSession

    with (
        TemporaryDirectory(prefix="blocklist-") as scratch,
        FetchSession(config.collect, Path(scratch), progress) as remote,
    ):
        started = {}
        for feed in feeds:
            asked = validators_to_send(feed, healths[feed.name])
            had = _find_base(config, feed, healths[feed.name]) if asked != NO_VALIDATORS else None
            started[remote.start_fetch(feed, asked, had)] = feed
        for ended in as_completed(started):
            feed = started[ended]
            yield feed, healths[feed.name], ended.result()


def _find_base(config: Config, feed: Feed, health: FeedHealth) -> Path | None:
    """Return the list in force as it came, for a server that tells what changed since."""
    if not any(map(is_incremental_url, feed.urls)):
        return None
    return find_delta_base(config.database, feed.name, snapshot_digest(health))


def _process_feed(
    config: Config,
    book: LedgerWriter,
    feed: Feed,
    health: FeedHealth,
    got: "PendingResult | datetime | None",
) -> UpdateOutcome:
    if got is None:
        return _outcome_pinned(feed, health)
    if isinstance(got, datetime):
        return _outcome_not_due(feed, health, got)
    try:
        return _ingest_snapshot(config, book, feed, health, got())
    except FetchError as error:
        return _record_failure(book, feed, health, error)


def _outcome_not_due(feed: Feed, health: FeedHealth, due: datetime) -> UpdateOutcome:
    note = f"not due until {format_timestamp(due)}"
    if health.state.is_good:
        return UpdateOutcome(feed.name, FeedState.UNCHANGED, None, health.entries, note=note)
    cause = f"{health.cause}; its server wants no request until {format_timestamp(due)}"
    return _outcome_failing(feed, health, failure_state(feed, health, health.state), cause)


def _outcome_failing(feed: Feed, health: FeedHealth, state: FeedState, cause: str) -> UpdateOutcome:
    return UpdateOutcome(feed.name, state, cause, health.entries, note=describe_age(health))


def _outcome_pinned(feed: Feed, health: FeedHealth) -> UpdateOutcome:
    note = f"pinned since {health.pinned}; until: blocklist release unpin --feed {feed.name}"
    state = FeedState.UNCHANGED if health.state.is_good else health.state
    return UpdateOutcome(feed.name, state, health.cause, health.entries, note=note)


def _record_failure(
    book: LedgerWriter, feed: Feed, health: FeedHealth, error: FetchError
) -> UpdateOutcome:
    state = failure_state(feed, health, FeedState.REFUSED if error.is_refusal else FeedState.FAILED)
    cause = str(error)
    if error.is_refusal:
        book.clear_validators(health)
    book.record_attempt(health, state, cause, _retry_time(error))
    return _outcome_failing(feed, health, state, cause)


def _retry_time(error: FetchError) -> str | None:
    if not error.retry_after:
        return None
    return format_timestamp(
        datetime.now(UTC) + timedelta(seconds=min(error.retry_after, _MAX_RETRY_WAIT))
    )


def _ingest_snapshot(
    config: Config, book: LedgerWriter, feed: Feed, health: FeedHealth, answer: FetchResult
) -> UpdateOutcome:
    body = answer.body
    if body is None:
        book.record_attempt(health, FeedState.UNCHANGED, None)
        return UpdateOutcome(feed.name, FeedState.UNCHANGED, None, health.entries)
    digest = hashlib.sha256(body).hexdigest()
    stamp = snapshot_fingerprint(feed, digest)
    if stamp == health.fingerprint:
        book.record_attempt(health, FeedState.UNCHANGED, None)
        _record_success(
            book, health, answer.validators, _save_base_and_expires(book, health, answer, body)
        )
        return UpdateOutcome(feed.name, FeedState.UNCHANGED, None, health.entries)
    # A run in which no list changed has no need of columns.
    from blocklist.collect.acceptance import find_refusal, size_change_limits
    from blocklist.ledger.feeds.listings import accept_snapshot
    from blocklist.parse.parser import parse_snapshot

    parsed = parse_snapshot(body, feed.format, options_from_feed(feed))
    account = _build_parse_report(parsed, digest, len(body))
    usual = book.usual_entry_count(health, *size_change_limits(feed, config.policy))
    cause = find_refusal(feed, config.policy, body, parsed, usual, answer.content_type)
    if cause is not None:
        return _record_refusal(book, feed, health, cause, account, answer)
    said, rest = answer.validators, _save_base_and_expires(book, health, answer, body)
    del answer, body  # it may be large, and the ledger needs as much memory again
    ranked = feed.guard is GuardClass.POPULAR
    change = accept_snapshot(book, health, parsed.indicators, stamp, account, ranked=ranked)
    _record_success(book, health, said, rest)
    entries = parsed.indicators.height
    return UpdateOutcome(feed.name, FeedState.FRESH, None, entries, change.added, change.removed)


def _save_base_and_expires(
    book: LedgerWriter, health: FeedHealth, answer: FetchResult, body: bytes
) -> int | None:
    """Keep what the next answer may build on; return how long the list asks to be left alone."""
    if is_incremental_url(answer.url):
        save_delta_base(book.database, health.name, body)
    return parse_expires(body)


def _record_success(
    book: LedgerWriter, health: FeedHealth, said: Validators, rest: int | None
) -> None:
    """Record what a good answer said of itself; what was refused before is of no interest now."""
    book.record_validators(health, said, rest)
    remove_refused_body(book.database, health.name)


def _record_refusal(
    book: LedgerWriter,
    feed: Feed,
    health: FeedHealth,
    cause: str,
    account: dict[str, object],
    answer: FetchResult,
) -> UpdateOutcome:
    state = failure_state(feed, health, FeedState.REFUSED)
    book.record_refusal(health, cause, account)
    book.clear_validators(health)
    book.record_attempt(health, state, cause)
    if answer.body and is_remote_url(answer.url):
        save_refused_body(book.database, feed.name, answer.body)
    return _outcome_failing(feed, health, state, cause)


def _build_parse_report(parsed: "ParseResult", digest: str, size: int) -> dict[str, object]:
    return {
        "sha256": digest,
        "bytes": size,
        "lines": parsed.lines,
        "accepted": parsed.accepted,
        "comments": parsed.comments,
        "refused": parsed.refusal_counts,
    }
