"""Progress of collecting: on a terminal a bar for all, and one for each feed that is coming in."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from blocklist.cli.session import Session, printable

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from blocklist.collect.update import UpdateOutcome


class Bars:
    """What is told of each feed: lines, for there is no terminal."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def moved(self, feed: str, came: int, total: int | None) -> None:
        """Tell that bytes of a feed came; called from the thread that fetches."""

    def done(self, outcome: "UpdateOutcome") -> None:
        """Tell that a feed is done with."""
        note = f", {outcome.note}" if outcome.note else ""
        self._say(f"{outcome.feed}: {outcome.state}, {outcome.entries:,} entries{note}")


class _Drawn(Bars):
    """Bars on a terminal."""

    def __init__(self, drawn: "Progress", total: int) -> None:
        super().__init__(lambda _: None)
        self._drawn = drawn
        self._all = drawn.add_task("collecting", total=total)
        self._feeds: dict[str, TaskID] = {}

    def moved(self, feed: str, came: int, total: int | None) -> None:
        if feed not in self._feeds:
            from rich.markup import escape

            self._feeds[feed] = self._drawn.add_task(escape(printable(feed[:40])), total=total)
        self._drawn.update(self._feeds[feed], completed=came, total=total)

    def done(self, outcome: "UpdateOutcome") -> None:
        self._drawn.advance(self._all)
        task = self._feeds.pop(outcome.feed, None)
        if task is not None:
            self._drawn.remove_task(task)


@contextmanager
def bars(current: Session, feeds: int) -> Iterator[Bars]:
    """Give bars on a terminal, lines elsewhere, and nothing to who wants quiet."""
    if current.quiet or not sys.stderr.isatty():
        yield Bars(current.say)
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as drawn:
        yield _Drawn(drawn, feeds)
