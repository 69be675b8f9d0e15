"""Fingerprint how a snapshot is parsed: feed settings and digest -> text stored in the ledger.

A server's answer "unchanged" is trusted only if the same bytes would be parsed the same way.
"""

from datetime import UTC, datetime

from blocklist.config.feeds import Feed, is_digest
from blocklist.ledger.feeds.health import FeedHealth
from blocklist.model import NO_VALIDATORS, Validators
from blocklist.plugins import FORMAT_EXTENSIONS

#: Part of every fingerprint; raise it when the parsers read the same bytes differently.
PARSER_VERSION = 2


def snapshot_fingerprint(feed: Feed, digest: str, *, is_date_dependent: bool) -> str:
    """Return a text that changes if a snapshot's bytes change or would be parsed differently.

    It has the day if the same bytes may give other indicators on another day.
    """
    day = f"@{datetime.now(UTC):%Y-%m-%d}" if is_date_dependent else ""
    return f"{digest}{day} {_parse_settings_text(feed)}"


def is_same_snapshot(feed: Feed, health: FeedHealth, digest: str) -> bool:
    """Return whether bytes with this digest would be parsed to what the feed lists now."""
    # The stored fingerprint shows whether its format depends on the day: no format is loaded.
    has_day = "@" in (health.fingerprint or "").partition(" ")[0]
    return health.fingerprint == snapshot_fingerprint(feed, digest, is_date_dependent=has_day)


def _parse_settings_text(feed: Feed) -> str:
    key = f" {feed.minisign}" if feed.minisign else ""
    # It may be the digest of the compressed file, so it cannot be compared with the snapshot's.
    digest = f" {feed.sha256.lower()}" if is_digest(feed.sha256) else ""
    plugin = FORMAT_EXTENSIONS.origin(feed.format)
    parser = f"{PARSER_VERSION} {plugin}" if plugin else f"{PARSER_VERSION}"
    return f"{feed.format} {feed.parse_options} {parser}{key}{digest}"


def snapshot_digest(health: FeedHealth) -> str:
    """Return the SHA-256 of the last accepted snapshot, in hexadecimal."""
    return (health.fingerprint or "").partition(" ")[0].partition("@")[0]


def is_parsed_alike(feed: Feed, health: FeedHealth) -> bool:
    """Return whether the parse settings are those of the last accepted snapshot, on any day."""
    return (health.fingerprint or "").partition(" ")[2] == _parse_settings_text(feed)


def validators_to_send(feed: Feed, health: FeedHealth) -> Validators:
    """Return the validators for a conditional request.

    There are none if the same bytes would be parsed differently today, or must have another hash.
    """
    validators = health.validators
    is_parsed_equally = is_same_snapshot(feed, health, snapshot_digest(health))
    return (
        validators
        if is_parsed_equally and (validators.etag or validators.modified)
        else NO_VALIDATORS
    )
