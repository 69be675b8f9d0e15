"""Progress of a job: stages and events, passed to a callback as the work goes on."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """A part of the work."""

    #: Feeds are fetched and read; the result of the stage is the `UpdateOutcome` of each.
    UPDATE = "update"
    #: Entries whose time is over end; the result is these entries.
    EXPIRE = "expire"
    #: Names are looked up in the DNS; the result is a `SurveyReport`.
    RESOLVE = "resolve"
    #: Listings are judged; the result is a `BuildResult`, or the `GateHeld` error.
    BUILD = "build"
    #: A release is published by hand; the result is the `Release`.
    PUBLISH = "publish"
    #: Files are written and installed; the result is the `ExportOutcome` of each.
    EXPORT = "export"


class EventKind(StrEnum):
    """What an event reports."""

    #: A stage begins, with `total` items.
    START = "start"
    #: `done` of `total` are done: names of the stage, or bytes of the feed `item`.
    ADVANCE = "advance"
    #: A feed or an export is done; `result` is its outcome.
    ITEM = "item"
    #: `text` is a remark about the work.
    NOTE = "note"
    #: `text` is a remark about something that is wrong.
    WARNING = "warning"
    #: A stage ends; `result` is what came of it.
    END = "end"


@dataclass(frozen=True, slots=True)
class ProgressEvent:
    """A step of a job. `text` is a line for a person, empty if there is nothing to say."""

    stage: Stage
    kind: EventKind
    text: str = ""
    item: str = ""
    done: int | None = None
    total: int | None = None
    result: object = None


#: Is called with each event of a job, some of them from another thread.
ProgressCallback = Callable[[ProgressEvent], None]


def ignore_progress(event: ProgressEvent) -> None:
    """Take an event and do nothing."""
