"""Exceptions of progress functions: they end the job and reach the caller as they are."""

import gc
from collections.abc import Callable
from pathlib import Path
from threading import current_thread, main_thread

import pytest

from blocklist import Blocklist, EventKind, GateHeld, NotFoundError, ProgressEvent, Stage
from tests.support import fault_server as faults
from tests.support.http_feeds import HttpFeeds
from tests.support.resolver_server import FakeResolver
from tests.support.worlds import CONFIG, make_world


class Falsy(Exception):
    """An exception that is false, as an empty collection is."""

    def __bool__(self) -> bool:
        return False


ERRORS: dict[str, Callable[[], BaseException]] = {
    "an error of its own": lambda: RuntimeError("mine"),
    "the gate's": lambda: GateHeld("mine"),
    "an error of the library": lambda: NotFoundError("mine"),
    "the end of an iterator": lambda: StopIteration("mine"),
    "the end of a generator": lambda: GeneratorExit("mine"),
    "the end of the process": lambda: SystemExit("mine"),
    "Ctrl-C": lambda: KeyboardInterrupt("mine"),
    "a lost pipe": lambda: BrokenPipeError("mine"),
    "a false one": Falsy,
}


class Failing:
    """A progress function that fails at the first event of a kind."""

    def __init__(self, error: BaseException, kind: EventKind, stage: Stage | None = None) -> None:
        self.error, self.kind, self.stage = error, kind, stage
        self.in_thread = False
        self.calls_after = -1

    def __call__(self, event: ProgressEvent) -> None:
        if self.calls_after >= 0 or (event.kind is self.kind and self.stage in (None, event.stage)):
            self.calls_after += 1
            self.in_thread = current_thread() is not main_thread()
            raise self.error


def raised_by(call: Callable[[], object], progress: Failing) -> None:
    """Expect the function's own exception, once, with its own cause."""
    progress.error.__cause__ = cause = ValueError("why")
    with pytest.raises(type(progress.error)) as caught:
        call()
    assert caught.value is progress.error
    assert caught.value.__cause__ is cause
    assert progress.calls_after == 0, "it is not called again"


STAGES = (Stage.UPDATE, Stage.EXPIRE, Stage.EXPORT)


@pytest.mark.parametrize(
    ("stage", "error"),
    [*((Stage.BUILD, error) for error in ERRORS), *((stage, "the gate's") for stage in STAGES)],
)
def test_the_callers_exception_is_raised(library: Blocklist, stage: Stage, error: str) -> None:
    progress = Failing(ERRORS[error](), EventKind.END, stage)
    raised_by(lambda: library.run(progress=progress), progress)


def test_the_next_run_is_good(library: Blocklist) -> None:
    for stage in (*STAGES, Stage.BUILD):
        progress = Failing(SystemExit(), EventKind.END, stage)
        raised_by(lambda: library.run(progress=progress), progress)  # noqa: B023 (called at once)
    assert library.run().is_good


@pytest.mark.parametrize("error", ["the gate's", "Ctrl-C"])
def test_every_job_raises_it(library: Blocklist, error: str) -> None:
    make_error = ERRORS[error]
    library.block.add("a.example")
    library.run()
    jobs: list[tuple[Callable[[Failing], object], EventKind]] = [
        (lambda progress: library.update(progress=progress), EventKind.ITEM),
        (lambda progress: library.build_release(progress=progress), EventKind.END),
        (lambda progress: library.export(progress=progress), EventKind.START),
        (lambda progress: library.releases.rollback(progress=progress), EventKind.NOTE),
    ]
    for job, kind in jobs:
        progress = Failing(make_error(), kind)
        raised_by(lambda: job(progress), progress)  # noqa: B023 (called at once)


@pytest.mark.parametrize("error", ERRORS)
def test_a_failure_in_the_fetching_thread_is_raised_in_the_callers(
    http_feeds: HttpFeeds, tmp_path: Path, error: str
) -> None:
    server = http_feeds.server
    server.plays |= {"/x": faults.good(b"fraud.top\n"), "/y": faults.slow_loris}
    urls = CONFIG.replace('"one.txt"', f'"{server.url("/x")}"')
    urls = urls.replace('"two.txt"', f'"{server.url("/y")}"')
    library = Blocklist.open(make_world(tmp_path, urls))
    progress = Failing(ERRORS[error](), EventKind.ADVANCE)
    raised_by(lambda: library.update(["one", "two"], progress=progress), progress)
    assert progress.in_thread
    assert all(status.health is None or not status.health.cause for status in library.feeds.list())


@pytest.mark.parametrize("error", ERRORS)
def test_a_failure_in_a_survey_is_raised(tmp_path: Path, error: str) -> None:
    with FakeResolver() as resolver:
        library = Blocklist.open(make_world(tmp_path))
        progress = Failing(ERRORS[error](), EventKind.ADVANCE)
        servers = f"{resolver.address}#{resolver.port}"
        raised_by(
            lambda: library.resolve("a.example", servers=servers, progress=progress), progress
        )
    gc.collect()  # a coroutine that nobody awaited warns, and a warning is an error


def test_the_gates_own_objection_stays_in_the_report(library: Blocklist, copied: Path) -> None:
    strict = CONFIG + "[gate]\nalways = 0\nmax_removed = 0.1\n"
    held = Blocklist.open(make_world(copied, strict))
    (copied / "one.txt").write_text("fraud.top\n")
    progress = Failing(GateHeld("mine"), EventKind.END, Stage.BUILD)
    raised_by(lambda: held.run(progress=progress), progress)
    assert held.run().held
