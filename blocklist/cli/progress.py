"""Show the progress of collecting: one bar for all feeds and one for each running transfer."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from blocklist.cli.session import Session
from blocklist.cli.streams import escape_unprintable

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from blocklist.collect.outcome import UpdateOutcome


class FeedProgress:
    """What is told of each feed: lines, for there is no terminal."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def update_bytes(self, feed: str, came: int, total: int | None) -> None:
        """Tell that bytes of a feed came; called from the thread that fetches."""

    def finish_feed(self, outcome: "UpdateOutcome") -> None:
        """Tell that a feed is done with."""
        note = f", {outcome.note}" if outcome.note else ""
        self._say(f"{outcome.feed}: {outcome.state}, {outcome.entries:,} entries{note}")


class _FeedBars(FeedProgress):
    """Bars on a terminal."""

    def __init__(self, drawn: "Progress", total: int) -> None:
        super().__init__(lambda _: None)
        self._progress = drawn
        self._total_task = drawn.add_task("collecting", total=total)
        self._feed_tasks: dict[str, TaskID] = {}

    def update_bytes(self, feed: str, came: int, total: int | None) -> None:
        if feed not in self._feed_tasks:
            from rich.markup import escape

            self._feed_tasks[feed] = self._progress.add_task(
                escape(escape_unprintable(feed[:40])), total=total
            )
        self._progress.update(self._feed_tasks[feed], completed=came, total=total)

    def finish_feed(self, outcome: "UpdateOutcome") -> None:
        self._progress.advance(self._total_task)
        task = self._feed_tasks.pop(outcome.feed, None)
        if task is not None:
            self._progress.remove_task(task)


@contextmanager
def show_feed_progress(current: Session, feeds: int) -> Iterator[FeedProgress]:
    """Give bars on a terminal, lines elsewhere, and nothing to who wants quiet."""
    if current.quiet or not sys.stderr.isatty():
        yield FeedProgress(current.show_status)
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as drawn:
        yield _FeedBars(drawn, feeds)
