"""Feeds: the catalogue and the user's own -> list with health, trial, addition, overlap."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from blocklist.api.arguments import (
    parse_word_or_all,
    require_label,
    require_label_or_none,
    require_path,
)
from blocklist.api.workspace import Workspace
from blocklist.collect.update import select_feeds
from blocklist.config.add_feed import (
    append_to_config,
    make_source_relative,
    refuse_known_feed,
    render_feed_table,
    suggest_feed_name,
)
from blocklist.config.feeds import Feed
from blocklist.config_keys import key_values
from blocklist.errors import ConfigError, UsageError
from blocklist.fetch.credentials import redact_url
from blocklist.ledger.db.connection import open_read_only
from blocklist.ledger.feeds.health import FeedHealth, load_feed_health
from blocklist.ledger.feeds.line_counts import LineCounts, load_line_counts
from blocklist.model import Category

if TYPE_CHECKING:
    from blocklist.judge.overlap.overlap import OverlapReport
    from blocklist.parse.result import ParseResult

_HEALTH_FIELDS = ("state", "entries", "checked", "accepted_at", "cause")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """A feed or guard as it is configured, and what its last update gave."""

    feed: Feed
    #: None if the feed was never collected.
    health: FeedHealth | None
    #: What became of the lines of its last accepted snapshot; None if there is none.
    lines: LineCounts | None = None

    def to_dict(self) -> dict[str, object]:
        """Return the feed's settings without secrets, and its state, for people and scripts."""
        feed = self.feed
        values: dict[str, object] = {"name": feed.name} | key_values(feed)
        values["urls"] = tuple(map(redact_url, feed.urls))
        values |= {"sha256": redact_url(feed.sha256), "signature": redact_url(feed.signature)}
        values["headers"] = tuple(f"{line.partition(':')[0]}: ..." for line in feed.headers)
        health = {name: getattr(self.health, name, None) for name in _HEALTH_FIELDS}
        return values | health | {"lines": self.lines}


@dataclass(frozen=True, slots=True)
class FeedAddition:
    """A feed that can be added to the configuration."""

    name: str
    #: The blocklist.toml that it is added to, and the text that is appended there.
    path: Path
    text: str
    #: What its list holds now.
    parsed: "ParseResult"


class Feeds:
    """The feeds and guards that are known: those of the catalogue and the user's own."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def list(
        self, *, category: Category | str | None = None, licence: str = "", enabled: bool = False
    ) -> tuple[FeedStatus, ...]:
        """Return guards, then feeds.

        Only those of a category, those whose licence has a text in it, and with `enabled` those in
        use.
        """
        config, (health, lines) = self._workspace.config, self._load_state()
        wanted = parse_word_or_all(Category, category, "category")
        part = require_label(licence, "licence").lower()
        return tuple(
            FeedStatus(feed, health.get(feed.name), lines.get(feed.name))
            for feed in (*config.guards.values(), *config.feeds.values())
            if wanted in (None, feed.category)
            and part in feed.licence.lower()
            and (feed.enabled or not enabled)
        )

    def show(self, name: str) -> FeedStatus:
        """Return one feed or guard; raise `NotFoundError` if there is none of this name."""
        (feed,) = select_feeds(self._workspace.config, [require_label(name, "name")])
        health, lines = self._load_state()
        return FeedStatus(feed, health.get(name), lines.get(name))

    def test(self, source: str, format_name: str | None = None) -> "ParseResult":
        """Fetch and parse a list without storing anything.

        `source` is a path or a URL. Without a format, its content shows it. Raise `UsageError` if
        the list cannot be fetched, or no format reads it.
        """
        from blocklist.api.feed_trial import fetch_and_parse

        wanted = require_label_or_none(format_name, "format_name")
        return fetch_and_parse(require_path(source, "source"), wanted)

    def prepare(
        self,
        source: str,
        *,
        name: str | None = None,
        format_name: str | None = None,
        category: Category | str | None = None,
        reliability: float | None = None,
    ) -> FeedAddition:
        """Fetch and parse a list and return what `add` would write; nothing is written yet.

        `reliability` is how far a listing is trusted, 0 to 1; without it, it is 0.5. Raise
        `ConfigError` if there is no configuration, or it has the feed already, and `UsageError` if
        no line of the list can be read.
        """
        from blocklist.api.feed_trial import fetch_and_parse

        config, subject = self._workspace.config, parse_word_or_all(Category, category, "category")
        if config.path is None:
            raise ConfigError(
                "there is no blocklist.toml to add to; write one with: blocklist init"
            )
        name = require_label_or_none(name, "name")
        if name is None:
            name = suggest_feed_name(require_path(source, "source"))
        url = make_source_relative(require_path(source, "source"), config.path)
        refuse_known_feed(config, name, url)
        wanted = require_label_or_none(format_name, "format_name")
        parsed = fetch_and_parse(source, wanted, config.collect)
        if not parsed.accepted:
            raise UsageError(f"{source}: read as {parsed.format}, not one line lists anything")
        text = render_feed_table(name, url, parsed.format, subject, reliability)
        return FeedAddition(name, config.path, text, parsed)

    def add(self, addition: FeedAddition) -> None:
        """Append a prepared feed to blocklist.toml; what is in the file stays as it is."""
        if not isinstance(addition, FeedAddition):
            raise UsageError("addition: expected what `prepare` returned")
        append_to_config(addition.path, addition.text)
        self._workspace.forget_config()
        logger.info("feed %s added to %s", addition.name, addition.path)

    def overlap(self) -> "OverlapReport":
        """Return how the enabled feeds overlap: unique entries, copies, feeds that are enough."""
        from blocklist.release.echo_detection import measure_feed_overlap

        return measure_feed_overlap(self._workspace.config)

    def _load_state(self) -> tuple[dict[str, FeedHealth], dict[str, LineCounts]]:
        with open_read_only(self._workspace.config.database) as reader:
            return (load_feed_health(reader), load_line_counts(reader)) if reader else ({}, {})
