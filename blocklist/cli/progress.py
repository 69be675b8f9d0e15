"""Show a job as it goes on: progress events -> bars, status lines, warnings and results."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from blocklist.cli.render.results import show_stage_result
from blocklist.cli.session import Session
from blocklist.cli.streams import warn
from blocklist.pipeline.events import EventKind, ProgressEvent, Stage

if TYPE_CHECKING:
    from blocklist.cli.terminal import StageBars

#: How many seconds lie between two lines about the names that are resolved.
_LINE_SECONDS = 10.0


class ProgressDisplay:
    """Shows events: bars on a terminal, lines elsewhere; with `--quiet` only what is wrong.

    With `results`, the result of each stage is written on stdout as soon as it is there, unless
    `--quiet` was given. Use it as a context, so that no bar stays on the terminal.
    """

    def __init__(self, session: Session, *, results: bool) -> None:
        self._session = session
        self._results = results and not session.quiet
        # A log on stderr would break the bars.
        self._has_bars = not (session.quiet or session.verbose) and sys.stderr.isatty()
        self._bars: StageBars | None = None
        self._started = self._last_line = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close_bars()

    def __call__(self, event: ProgressEvent) -> None:
        """Show one event."""
        match event.kind:
            case EventKind.START:
                self._start_stage(event)
            case EventKind.ADVANCE | EventKind.ITEM:
                self._advance(event)
            case EventKind.NOTE:
                self._session.show_status(event.text)
            case EventKind.WARNING:
                warn(event.text)
            case EventKind.END:
                self._close_bars()
                show_stage_result(self._session, event, results=self._results)

    def _start_stage(self, event: ProgressEvent) -> None:
        self._started = self._last_line = time.monotonic()
        if self._has_bars:
            from blocklist.cli.terminal import StageBars

            self._bars = StageBars(event)

    def _advance(self, event: ProgressEvent) -> None:
        if self._bars:
            self._bars.update(event)
        elif event.kind is EventKind.ITEM and not _is_warned_about(event):
            self._session.show_status(event.text)
        elif event.stage is Stage.RESOLVE:
            self._show_resolve_line(event.done or 0, event.total or 0)

    def _show_resolve_line(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._last_line < _LINE_SECONDS or not done:
            return
        self._last_line = now
        rate = done / (now - self._started)
        left = (total - done) / rate
        self._session.show_status(
            f"{done:,} of {total:,} names, {rate:,.0f} a second, {left:,.0f} s left"
        )

    def _close_bars(self) -> None:
        if self._bars:
            self._bars.close()
            self._bars = None


def _is_warned_about(event: ProgressEvent) -> bool:
    """Return whether the end of the stage reports this feed, with the cause."""
    return event.stage is Stage.UPDATE and not getattr(event.result, "is_good", True)
