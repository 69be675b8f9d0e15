"""Bring feeds up to date: fetch, parse, accept or refuse, write the difference to the ledger."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from blocklist.catalogue import Feed
from blocklist.collect.accept import refusal
from blocklist.collect.fetch import FetchError, fetch
from blocklist.config import Config
from blocklist.errors import UsageError
from blocklist.ledger import listings
from blocklist.ledger.book import Book
from blocklist.model import FeedState
from blocklist.parse import FORMATS, Options, Parsed, parse
from blocklist.spec import suggestion

#: Part of every fingerprint: raised when the parsers read the same bytes otherwise than before.
PARSER = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the update of one feed ended."""

    feed: str
    state: FeedState
    cause: str | None
    entries: int
    added: int = 0
    removed: int = 0

    @property
    def good(self) -> bool:
        """Whether the feed could be brought up to date."""
        return self.state in (FeedState.FRESH, FeedState.UNCHANGED)


def chosen(config: Config, names: Iterable[str]) -> list[Feed]:
    """Return the feeds of these names, or all enabled ones; raise `UsageError` for unknown ones."""
    known = {**config.guards, **config.feeds}
    names = list(dict.fromkeys(names))
    for name in names:
        if name not in known:
            raise UsageError(f"{name}: no such feed{suggestion(name, known)}")
    feeds = [known[name] for name in names] or config.sources
    if not feeds:
        where = config.path or "blocklist.toml (write one with: blocklist init)"
        raise UsageError(f"no feed is enabled in {where}; see: blocklist feeds list")
    for feed in feeds:
        if feed.format not in FORMATS:
            hint = suggestion(feed.format, FORMATS)
            where = f"{config.path or 'the catalogue'}: {feed.key}.format"
            raise UsageError(f"{where}: unknown format {feed.format!r}{hint}")
    return feeds


def update(
    config: Config, book: Book, feeds: list[Feed], done: Callable[[Outcome], None]
) -> list[Outcome]:
    """Update each feed, tell `done` of it, and return all outcomes; no feed harms another."""
    outcomes = []
    for feed in feeds:
        outcome = _update_one(config, book, feed)
        done(outcome)
        outcomes.append(outcome)
    return outcomes


def options(feed: Feed) -> Options:
    """Return what the feed says about reading its format."""
    return Options(feed.scope, feed.column, feed.separator, feed.rank_limit)


def _update_one(config: Config, book: Book, feed: Feed) -> Outcome:
    health = book.feed(feed)
    try:
        body = fetch(feed.urls)
    except FetchError as error:
        book.looked(health, FeedState.FAILED, str(error))
        return Outcome(feed.name, FeedState.FAILED, str(error), health.entries)
    digest = hashlib.sha256(body).hexdigest()
    fingerprint = f"{digest} {feed.format} {options(feed)} {PARSER}"
    if fingerprint == health.fingerprint:
        book.looked(health, FeedState.UNCHANGED, None)
        return Outcome(feed.name, FeedState.UNCHANGED, None, health.entries)
    parsed = parse(body, feed.format, options(feed))
    account = _account(parsed, digest, len(body))
    cause = refusal(feed, config.policy, body, parsed, health.entries)
    if cause is not None:
        book.refused(health, cause, account)
        book.looked(health, FeedState.REFUSED, cause)
        return Outcome(feed.name, FeedState.REFUSED, cause, health.entries)
    change = listings.accept(book, health, parsed.indicators, fingerprint, account)
    entries = parsed.indicators.height
    return Outcome(feed.name, FeedState.FRESH, None, entries, change.added, change.removed)


def _account(parsed: Parsed, digest: str, size: int) -> dict[str, object]:
    return {
        "sha256": digest,
        "bytes": size,
        "lines": parsed.lines,
        "accepted": parsed.accepted,
        "comments": parsed.comments,
        "refused": parsed.refused,
    }
