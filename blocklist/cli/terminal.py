"""Draw bars for the stages of a job on a terminal."""

from rich.console import Console
from rich.markup import escape
from rich.progress import MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from blocklist.pipeline.events import EventKind, ProgressEvent, Stage
from blocklist.text import escape_unprintable

_TITLES = {Stage.UPDATE: "collecting", Stage.RESOLVE: "resolving", Stage.EXPORT: "exporting"}
_MAX_TITLE_LENGTH = 40


class StageBars:
    """The bars of one stage: one for all its items, and one for each feed that is being fetched."""

    def __init__(self, event: ProgressEvent) -> None:
        columns = Progress.get_default_columns()
        if event.stage is Stage.RESOLVE:
            speed = TextColumn("{task.speed:,.0f} a second")
            columns = (*columns[:2], MofNCompleteColumn(), speed, TimeRemainingColumn())
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._title = _TITLES[event.stage]
        self._stage_task = self._progress.add_task(self._title, total=event.total)
        self._item_tasks: dict[str, TaskID] = {}
        self._progress.start()

    def update(self, event: ProgressEvent) -> None:
        """Move the bars; called from the threads that do the work."""
        if event.kind is EventKind.ITEM:
            self._finish_item(event)
        elif event.stage is Stage.UPDATE:
            task = self._item_tasks.get(event.item)
            if task is None:
                title = _shorten(event.item)
                task = self._item_tasks[event.item] = self._progress.add_task(title)
            self._progress.update(task, completed=event.done, total=event.total)
        else:
            self._progress.update(self._stage_task, completed=event.done)

    def _finish_item(self, event: ProgressEvent) -> None:
        task = self._item_tasks.pop(event.item, None)
        if task is not None:
            self._progress.remove_task(task)
        title = self._title
        if event.stage is Stage.EXPORT:
            title = f"{title}: {_shorten(event.text)}"
        self._progress.update(self._stage_task, advance=1, description=title)

    def close(self) -> None:
        """Remove the bars."""
        self._progress.stop()


def _shorten(text: str) -> str:
    return escape(escape_unprintable(text[:_MAX_TITLE_LENGTH]))
