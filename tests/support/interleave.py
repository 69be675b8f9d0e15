"""Jobs that stop at one of their events until something else was done: threads in lockstep."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import TypeVar

from blocklist.api.library import Blocklist
from blocklist.pipeline.events import EventKind, ProgressCallback, ProgressEvent, Stage

#: For how long threads wait for each other, at most.
PATIENCE = 60
Result = TypeVar("Result")
#: The first event of a job with this stage and kind, whose text begins so.
Place = tuple[Stage, EventKind, str]


def meanwhile(
    job: Callable[[ProgressCallback], Result], place: Place, action: Callable[[], object]
) -> Result:
    """Return the result of a job that waits at a place until an action was done."""
    reached, resumed = Event(), Event()
    stage, kind, start = place

    def stop_there(event: ProgressEvent) -> None:
        is_there = (event.stage, event.kind) == (stage, kind) and event.text.startswith(start)
        if is_there and not reached.is_set():
            reached.set()
            assert resumed.wait(PATIENCE)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(job, stop_there)
        try:
            assert reached.wait(PATIENCE), "the job never came to this place"
            action()
        finally:
            resumed.set()
        return running.result(PATIENCE)


def run_meanwhile(library: Blocklist, place: Place, action: Callable[[], object]) -> None:
    """Do the main job; at a place of it, do something else first."""
    report = meanwhile(lambda progress: library.run(progress=progress), place, action)
    assert report.is_good, report


def listed_names(path: Path) -> set[str]:
    """Return the names in a file of plain names."""
    return {line for line in path.read_text().splitlines() if line and line[0] not in "#!;"}


def file_release(path: Path) -> int:
    """Return the release that the head of a file names."""
    line = next(line for line in path.read_text().splitlines() if "release: " in line)
    return int(line.rpartition(" ")[2])
