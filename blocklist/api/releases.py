"""Releases: history, content and differences; accept, roll back and unpin by hand."""

import logging
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from blocklist.api.arguments import (
    format_note,
    parse_count,
    parse_word_or_all,
    require_label_or_none,
)
from blocklist.api.workspace import Workspace
from blocklist.config.mistakes import suggest_name
from blocklist.errors import NotFoundError, UsageError
from blocklist.ledger.db.connection import open_read_only
from blocklist.ledger.db.writer import open_decision_writer
from blocklist.ledger.feeds.health import load_feed_health
from blocklist.ledger.releases.history import Release, current_release, list_releases
from blocklist.ledger.releases.pins import Pin, find_release_pin, unpin_feed, unpin_release
from blocklist.model import Category
from blocklist.pipeline.callbacks import run_with_callback
from blocklist.pipeline.events import ProgressCallback, ignore_progress

if TYPE_CHECKING:
    from blocklist.api.release_frames import ReleaseComparison, ReleaseContent
    from blocklist.config.loader import Config
    from blocklist.pipeline.reports import PublishReport

logger = logging.getLogger(__name__)


class Releases:
    """The releases of a ledger. A reference is a number, `current` or `candidate`."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def list(self) -> tuple[Release, ...]:
        """Return all releases, newest first."""
        with open_read_only(self._workspace.database) as reader:
            return tuple(list_releases(reader)) if reader else ()

    def current(self) -> Release | None:
        """Return the current release; None if there is none yet."""
        with open_read_only(self._workspace.database) as reader:
            return current_release(reader) if reader else None

    def pin(self) -> Pin | None:
        """Return the pin on the current release; None if it is not pinned."""
        with open_read_only(self._workspace.database) as reader:
            return find_release_pin(reader) if reader else None

    def show(self, which: int | str = "current") -> "ReleaseContent":
        """Return a release and its rows; raise `NotFoundError` if it is missing or pruned."""
        from blocklist.api.release_frames import load_content

        return load_content(self._workspace.database, str(which))

    def diff(
        self,
        before: int | str,
        after: int | str,
        *,
        feed: str | None = None,
        category: Category | str | None = None,
    ) -> "ReleaseComparison":
        """Return how `after` differs from `before`.

        With `feed` or `category`, only rows that this feed, or a feed of the category, lists. Raise
        `NotFoundError` if there is no such release or feed.
        """
        from blocklist.api.release_frames import compare_releases

        config, only = self._workspace.config, require_label_or_none(feed, "feed")
        wanted = parse_word_or_all(Category, category, "category")

        def select_feeds(known: Collection[str]) -> Sequence[str] | None:
            return _select_feeds(config, known, only, wanted)

        return compare_releases(config, str(before), str(after), select_feeds)

    def accept(
        self, reason: str, *, progress: ProgressCallback = ignore_progress
    ) -> "PublishReport":
        """Publish the candidate that the gate holds, for a reason, and write the exports.

        Raise `NotFoundError` if the gate holds nothing, and `GateHeld` if the candidate was judged
        without a sound guard: that must be mended, not accepted.
        """
        from blocklist.pipeline.publish import publish_candidate

        self._workspace.require_config()
        config, why = self._workspace.config, format_note(reason, "reason")
        return run_with_callback(lambda relay: publish_candidate(config, why, relay), progress)

    def rollback(
        self,
        number: int | None = None,
        *,
        feed: str | None = None,
        reason: str | None = "",
        progress: ProgressCallback = ignore_progress,
    ) -> "PublishReport":
        """Publish an earlier release under a new number, pin it, and write the exports.

        Without a number it is the release before the current one. With `feed`, only the last update
        of this feed is undone, and the feed is pinned. Raise `NotFoundError` if there is nothing to
        go back to, and `GateHeld` if the gate holds the release without the feed's update.
        """
        from blocklist.pipeline.publish import roll_back, undo_last_feed_update

        if feed is not None and number is not None:
            raise UsageError("give either a release or --feed, not both")
        self._workspace.require_config()
        config, why = self._workspace.config, format_note(reason, "reason")
        number = None if number is None else parse_count(number, "number")
        feed = require_label_or_none(feed, "feed")

        def publish(relay: ProgressCallback) -> "PublishReport":
            if feed is not None:
                return undo_last_feed_update(config, feed, why, relay)
            return roll_back(config, number, why, relay)

        return run_with_callback(publish, progress)

    def unpin(self, *, feed: str | None = None) -> None:
        """Let the next run publish again, or take the updates of a feed again.

        Raise `NotFoundError` if there is no such feed, or it, or the release, is not pinned.
        """
        feed = require_label_or_none(feed, "feed")
        self._workspace.require_config()
        with open_decision_writer(self._workspace.database, "release unpin") as writer:
            if feed is None:
                ended, what = unpin_release(writer), "the release in force"
            else:
                known = load_feed_health(writer.whole.connection)
                if feed not in known:
                    raise NotFoundError(f"{feed}: no such feed; see: blocklist feeds list")
                ended, what = unpin_feed(writer, known[feed]), feed
        if not ended:
            raise NotFoundError(f"{what}: is not pinned")
        logger.info("%s: no longer pinned", what)


def _select_feeds(
    config: "Config", known: Collection[str], feed: str | None, category: Category | None
) -> list[str] | None:
    """Return the feeds whose rows are wanted; None for the rows of all."""
    if feed is not None and feed not in known:
        raise NotFoundError(f"{feed}: no such feed{suggest_name(feed, known)}")
    if feed is None and category is None:
        return None
    return [
        name
        for name in sorted(known)
        if feed in (None, name)
        and (category is None or (name in config.feeds and config.feeds[name].category is category))
    ]
