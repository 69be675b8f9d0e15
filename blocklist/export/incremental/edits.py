"""Text edits: a text and edits of whole lines -> the new text, and the edits that undo them."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class EditMismatch(Exception):
    """A text does not have what an edit takes out of it."""


class Edit(NamedTuple):
    """What goes from a place in a text, and what comes there: whole lines, or nothing."""

    start: int
    removed: bytes
    inserted: bytes


def apply_edits(text: bytes, edits: Iterable[Edit]) -> Iterator[bytes | memoryview]:
    """Yield the parts of a text after edits, which are in the order of their places.

    Raise `Misfit` where one is not at the begin of a line, or does not find there what goes.
    """
    whole, at = memoryview(text), 0
    for start, gone, come in edits:
        if not text.startswith(gone, start) or text[start - 1 : start] not in (b"", b"\n"):
            raise EditMismatch
        yield whole[at:start]
        yield come
        at = start + len(gone)
    yield whole[at:]


def invert_edits(edits: Iterable[Edit]) -> Iterator[Edit]:
    """Yield the edits that make the old text of the new one."""
    moved = 0
    for start, gone, come in edits:
        yield Edit(start + moved, come, gone)
        moved += len(come) - len(gone)
