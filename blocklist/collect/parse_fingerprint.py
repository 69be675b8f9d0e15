"""Fingerprint how a snapshot is parsed: feed settings and digest -> text stored in the ledger.

A server's answer "unchanged" is trusted only if the same bytes would be parsed the same way.
"""

from dataclasses import fields
from datetime import UTC, datetime

from blocklist.config.feeds import Feed, is_digest
from blocklist.ledger.feeds.health import FeedHealth
from blocklist.model import NO_VALIDATORS, Validators
from blocklist.parse.options import DATED_FORMATS, ParseOptions

#: Part of every fingerprint: raised when the parsers read the same bytes otherwise than before.
PARSER_VERSION = 1


def options_from_feed(feed: Feed) -> ParseOptions:
    """Return what the feed says about reading its format."""
    said = {field.name for field in fields(ParseOptions)} & {field.name for field in fields(feed)}
    return ParseOptions(**{name: getattr(feed, name) for name in said})


def snapshot_fingerprint(feed: Feed, digest: str) -> str:
    """Return what tells whether a snapshot is read as the last one was."""
    day = f"@{datetime.now(UTC):%Y-%m-%d}" if feed.format in DATED_FORMATS else ""
    return f"{digest}{day} {_parse_settings_text(feed)}"


def _parse_settings_text(feed: Feed) -> str:
    key = f" {feed.minisign}" if feed.minisign else ""
    # It may be that of the packed file, and then never the digest of what was read.
    must_be = f" {feed.sha256.lower()}" if is_digest(feed.sha256) else ""
    return f"{feed.format} {options_from_feed(feed)} {PARSER_VERSION}{key}{must_be}"


def snapshot_digest(health: FeedHealth) -> str:
    """Return the SHA-256 of the snapshot in force."""
    return (health.fingerprint or "").partition(" ")[0].partition("@")[0]


def is_parsed_alike(feed: Feed, health: FeedHealth) -> bool:
    """Whether the feed is read as it was last time, whatever day it is."""
    return (health.fingerprint or "").partition(" ")[2] == _parse_settings_text(feed)


def validators_to_send(feed: Feed, health: FeedHealth) -> Validators:
    """Return what may be asked of.

    Nothing when the same bytes would be read otherwise today, or must hash to something else.
    """
    said = health.validators
    same = health.fingerprint == snapshot_fingerprint(feed, snapshot_digest(health))
    return said if same and (said.etag or said.modified) else NO_VALIDATORS
