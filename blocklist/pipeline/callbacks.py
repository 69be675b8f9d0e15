"""Call a progress function: job, callback -> the job's result, or the callback's own exception.

A job handles errors of its own: the gate that holds a release, a feed that fails. An exception of
the callback must reach none of these handlers, whatever its class, and no other thread may keep it.
"""

from collections.abc import Callable
from typing import TypeVar

from blocklist.errors import UsageError
from blocklist.pipeline.events import ProgressCallback, ProgressEvent

Result = TypeVar("Result")


class CallbackFailed(BaseException):
    """Ends a job whose callback failed; no handler of `Exception` catches it."""


class _CallbackGuard:
    """Passes events on until the callback fails, and keeps its first exception."""

    def __init__(self, progress: ProgressCallback) -> None:
        self._progress = progress
        self.error: BaseException | None = None

    def __call__(self, event: ProgressEvent) -> None:
        if self.error is None:
            try:
                self._progress(event)
            except BaseException as error:  # also SystemExit, which would end an event loop
                self.error = error
        if self.error is not None:
            raise CallbackFailed


def run_with_callback(
    job: Callable[[ProgressCallback], Result], progress: ProgressCallback
) -> Result:
    """Return the result of a job that reports its progress.

    The first exception of `progress`, in whichever thread, ends the job and is raised here as it
    is. Raise `UsageError` if `progress` cannot be called.
    """
    if not callable(progress):
        raise UsageError(f"progress: expected a function, not {progress!r}")
    guard, result = _CallbackGuard(progress), None
    try:
        result = job(guard)
    except BaseException:
        if guard.error is None:
            raise
    if guard.error is not None:
        raise guard.error
    return result  # type: ignore[return-value]  # set, because the job returned
