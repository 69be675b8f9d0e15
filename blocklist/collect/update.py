"""Bring feeds up to date: fetch, parse, accept or refuse, write the difference to the ledger."""

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

from blocklist.catalogue import Feed
from blocklist.collect import kept
from blocklist.collect.due import age, expires, failing, wait_until
from blocklist.collect.fetch import (
    Awaited,
    Fetched,
    FetchError,
    fetched,
    is_growing,
    is_local,
    is_remote,
)
from blocklist.collect.meaning import digest_of, fingerprint, is_read_alike, known, options
from blocklist.config import Config
from blocklist.errors import UsageError
from blocklist.ledger import times
from blocklist.ledger.book import LedgerWriter
from blocklist.ledger.health import NO_VALIDATORS, FeedHealth, Validators
from blocklist.model import FeedState, GuardClass
from blocklist.reading import FORMATS
from blocklist.spec import suggestion

if TYPE_CHECKING:
    from blocklist.parse import Parsed

#: Told the feed's name, how many bytes came, and how many are to come where that is known.
Progress = Callable[[str, int, int | None], None]
GOOD = (FeedState.FRESH, FeedState.UNCHANGED)
#: No server is obeyed for longer, in seconds.
_LONGEST_WAIT = 86400


@dataclass(frozen=True, slots=True)
class Outcome:
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
    def good(self) -> bool:
        """Whether the feed could be brought up to date."""
        return self.state in GOOD


def chosen(config: Config, names: Iterable[str]) -> list[Feed]:
    """Return the feeds of these names, or all enabled ones; raise `UsageError` for unknown ones."""
    known = {**config.guards, **config.feeds}
    names = list(dict.fromkeys(names))
    for name in names:
        if name not in known:
            raise UsageError(f"{name}: no such feed{suggestion(name, known)}")
    feeds = [known[name] for name in names] or config.sources
    if not feeds:
        if config.path is None:
            raise UsageError("no feed is enabled, and there is no blocklist.toml: blocklist init")
        raise UsageError(f"no feed is enabled in {config.path}; see: blocklist feeds list")
    for feed in feeds:
        if feed.format not in FORMATS:
            hint = suggestion(feed.format, FORMATS)
            where = f"{config.path or 'the catalogue'}: {feed.key}.format"
            raise UsageError(f"{where}: unknown format {feed.format!r}{hint}")
    return feeds


def without_limits(feeds: list[Feed], names: list[str]) -> list[Feed]:
    """Return the feeds, those named free to shrink and grow: a person looked at them.

    Raise `UsageError` for a name that none of them has.
    """
    known = [feed.name for feed in feeds]
    for name in names:
        if name not in known:
            raise UsageError(f"{name}: is not among the feeds to update{suggestion(name, known)}")
    return [
        replace(feed, max_shrink=1.0, max_growth=inf) if feed.name in names else feed
        for feed in feeds
    ]


def update(
    config: Config,
    book: LedgerWriter,
    feeds: list[Feed],
    done: Callable[[Outcome], None],
    *,
    named: bool = False,
    progress: Progress = lambda *_: None,
) -> list[Outcome]:
    """Update each feed, tell `done` of it, and return all outcomes; no feed harms another.

    Feeds are fetched at once and taken as they come; whoever has `named` them does not want to
    wait until they are due. `progress` is called in another thread.
    """
    outcomes: dict[str, Outcome] = {}
    with closing(_arrivals(config, book, feeds, named, progress)) as arrivals:
        for feed, health, got in arrivals:
            outcome = _taken(config, book, feed, health, got)
            outcomes[feed.name] = outcome
            done(outcome)
    return [outcomes[feed.name] for feed in feeds]


def _arrivals(
    config: Config, book: LedgerWriter, feeds: list[Feed], named: bool, progress: Progress
) -> Generator[tuple[Feed, FeedHealth, "Awaited | datetime | None"]]:
    """Yield each feed with its answer as soon as it is there.

    In place of the answer stands when it is due, or None for a feed that is pinned.
    """
    healths = {feed.name: book.register_feed(feed) for feed in feeds}
    away = []
    for feed in feeds:
        health = healths[feed.name]
        due = wait_until(feed, health) if is_read_alike(feed, health) and not named else None
        if health.pinned:
            yield feed, health, None
        elif due is not None:
            yield feed, health, due
        elif is_local(feed):
            yield feed, health, partial(fetched, feed, config.collect, known(feed, health))
        else:
            away.append(feed)
    if away:
        yield from _from_afar(config, away, healths, progress)


def _from_afar(
    config: Config, feeds: list[Feed], healths: dict[str, FeedHealth], progress: Progress
) -> Iterator[tuple[Feed, FeedHealth, "Awaited"]]:
    from concurrent.futures import as_completed

    from blocklist.collect.remote import Remote

    with (
        TemporaryDirectory(prefix="blocklist-") as scratch,
        Remote(config.collect, Path(scratch), progress) as remote,
    ):
        started = {}
        for feed in feeds:
            asked = known(feed, healths[feed.name])
            had = _base(config, feed, healths[feed.name]) if asked != NO_VALIDATORS else None
            started[remote.start(feed, asked, had)] = feed
        for ended in as_completed(started):
            feed = started[ended]
            yield feed, healths[feed.name], ended.result()


def _base(config: Config, feed: Feed, health: FeedHealth) -> Path | None:
    """Return the list in force as it came, for a server that tells what changed since."""
    if not any(map(is_growing, feed.urls)):
        return None
    return kept.base(config.database, feed.name, digest_of(health))


def _taken(
    config: Config,
    book: LedgerWriter,
    feed: Feed,
    health: FeedHealth,
    got: "Awaited | datetime | None",
) -> Outcome:
    if got is None:
        return _pinned(feed, health)
    if isinstance(got, datetime):
        return _not_due(feed, health, got)
    try:
        return _judged(config, book, feed, health, got())
    except FetchError as error:
        return _failed(book, feed, health, error)


def _not_due(feed: Feed, health: FeedHealth, due: datetime) -> Outcome:
    note = f"not due until {times.format_timestamp(due)}"
    if health.state in GOOD:
        return Outcome(feed.name, FeedState.UNCHANGED, None, health.entries, note=note)
    cause = f"{health.cause}; its server wants no request until {times.format_timestamp(due)}"
    return _failing(feed, health, failing(feed, health, health.state), cause)


def _failing(feed: Feed, health: FeedHealth, state: FeedState, cause: str) -> Outcome:
    return Outcome(feed.name, state, cause, health.entries, note=age(health))


def _pinned(feed: Feed, health: FeedHealth) -> Outcome:
    note = f"pinned since {health.pinned}; until: blocklist release unpin --feed {feed.name}"
    state = FeedState.UNCHANGED if health.state in GOOD else health.state
    return Outcome(feed.name, state, health.cause, health.entries, note=note)


def _failed(book: LedgerWriter, feed: Feed, health: FeedHealth, error: FetchError) -> Outcome:
    state = failing(feed, health, FeedState.REFUSED if error.refused else FeedState.FAILED)
    cause = str(error)
    if error.refused:
        book.clear_validators(health)
    book.record_attempt(health, state, cause, _asked_to_wait(error))
    return _failing(feed, health, state, cause)


def _asked_to_wait(error: FetchError) -> str | None:
    if not error.wait:
        return None
    return times.format_timestamp(
        datetime.now(UTC) + timedelta(seconds=min(error.wait, _LONGEST_WAIT))
    )


def _judged(
    config: Config, book: LedgerWriter, feed: Feed, health: FeedHealth, answer: Fetched
) -> Outcome:
    body = answer.body
    if body is None:
        book.record_attempt(health, FeedState.UNCHANGED, None)
        return Outcome(feed.name, FeedState.UNCHANGED, None, health.entries)
    digest = hashlib.sha256(body).hexdigest()
    stamp = fingerprint(feed, digest)
    if stamp == health.fingerprint:
        book.record_attempt(health, FeedState.UNCHANGED, None)
        _good(book, health, answer.said, _kept(book, health, answer, body))
        return Outcome(feed.name, FeedState.UNCHANGED, None, health.entries)
    # A run in which no list changed has no need of columns.
    from blocklist.collect.accept import limits, refusal
    from blocklist.ledger import listings
    from blocklist.parse import parse

    parsed = parse(body, feed.format, options(feed))
    account = _account(parsed, digest, len(body))
    usual = book.usual_entry_count(health, *limits(feed, config.policy))
    cause = refusal(feed, config.policy, body, parsed, usual, answer.content_type)
    if cause is not None:
        return _refused(book, feed, health, cause, account, answer)
    said, rest = answer.said, _kept(book, health, answer, body)
    del answer, body  # it may be large, and the ledger needs as much memory again
    ranked = feed.guard is GuardClass.POPULAR
    change = listings.accept_snapshot(
        book, health, parsed.indicators, stamp, account, ranked=ranked
    )
    _good(book, health, said, rest)
    entries = parsed.indicators.height
    return Outcome(feed.name, FeedState.FRESH, None, entries, change.added, change.removed)


def _kept(book: LedgerWriter, health: FeedHealth, answer: Fetched, body: bytes) -> int | None:
    """Keep what the next answer may build on; return how long the list asks to be left alone."""
    if is_growing(answer.url):
        kept.keep_base(book.database, health.name, body)
    return expires(body)


def _good(book: LedgerWriter, health: FeedHealth, said: Validators, rest: int | None) -> None:
    """Record what a good answer said of itself; what was refused before is of no interest now."""
    book.record_validators(health, said, rest)
    kept.remove(book.database, health.name)


def _refused(
    book: LedgerWriter,
    feed: Feed,
    health: FeedHealth,
    cause: str,
    account: dict[str, object],
    answer: Fetched,
) -> Outcome:
    state = failing(feed, health, FeedState.REFUSED)
    book.record_refusal(health, cause, account)
    book.clear_validators(health)
    book.record_attempt(health, state, cause)
    if answer.body and is_remote(answer.url):
        kept.keep(book.database, feed.name, answer.body)
    return _failing(feed, health, state, cause)


def _account(parsed: "Parsed", digest: str, size: int) -> dict[str, object]:
    return {
        "sha256": digest,
        "bytes": size,
        "lines": parsed.lines,
        "accepted": parsed.accepted,
        "comments": parsed.comments,
        "refused": parsed.refused,
    }
