"""Interrupt installs in threads: an event that is set -> `KeyboardInterrupt` where a thread waits.

Python raises Ctrl-C in the main thread only. The threads that install exports check this event
wherever they wait, so they undo what is not confirmed, as an install in the main thread does.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Event

_event: ContextVar[Event | None] = ContextVar("interruption", default=None)


@contextmanager
def interrupt_with(event: Event | None) -> Iterator[None]:
    """Let this thread be interrupted by an event while the body runs; by none for None."""
    token = _event.set(event)
    try:
        yield
    finally:
        _event.reset(token)


def is_interruptible() -> bool:
    """Return whether an event can interrupt this thread."""
    return _event.get() is not None


def raise_if_interrupted() -> None:
    """Raise `KeyboardInterrupt` if the event of this thread is set."""
    event = _event.get()
    if event is not None and event.is_set():
        raise KeyboardInterrupt
