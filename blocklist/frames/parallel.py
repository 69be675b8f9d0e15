"""Process columns, texts and files in pieces: on all cores, in order, few pieces in memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import chain, islice
from pathlib import Path
from typing import TypeVar

import polars as pl

#: Bytes of a piece: enough to keep a core busy, little compared with the memory of a large list.
PIECE_BYTES = 8_000_000
#: Rows of a piece of a column.
_PIECE_ROWS = 250_000
_POLL_SECONDS = 0.2

_Input = TypeVar("_Input")
_Output = TypeVar("_Output")


def map_in_order(
    work: Callable[[_Input], _Output], pieces: Iterable[_Input], threads: int | None = None
) -> Iterator[_Output]:
    """Yield the result of `work` for each piece, in order, from `threads` threads or one a core.

    Threads suffice, because polars and file reads release the interpreter lock. A single piece is
    processed without threads.
    """
    remaining = iter(pieces)
    first = list(islice(remaining, 2))
    if len(first) < 2:
        yield from map(work, first)
        return
    thread_count = threads or pl.thread_pool_size()
    with ThreadPoolExecutor(thread_count) as pool:
        waiting: deque[Future[_Output]] = deque()
        try:
            for piece in chain(first, remaining):
                waiting.append(pool.submit(work, piece))
                if len(waiting) > thread_count:
                    yield _wait_for_result(waiting.popleft())
            while waiting:
                yield _wait_for_result(waiting.popleft())
        finally:
            for future in waiting:
                future.cancel()


def _wait_for_result(future: Future[_Output]) -> _Output:
    """Wait for a thread's result, waking up regularly so that Ctrl-C is handled at once."""
    while not future.done():
        wait([future], _POLL_SECONDS)
    return future.result()


def compact_strings(texts: pl.Series) -> pl.Series:
    """Return the same texts in one contiguous copy; other types are returned as they are.

    Sorting, joining and grouping leave strings scattered in memory. Copying them once makes later
    passes over millions of strings several times faster, and lets the old memory be freed.
    """
    return texts if texts.dtype != pl.String else map_column(lambda piece: piece + "", texts)


def map_column(work: Callable[[pl.Series], pl.Series], column: pl.Series) -> pl.Series:
    """Return the column that `work` makes of a column, piece by piece; it must keep the length."""
    if len(column) <= _PIECE_ROWS:
        return work(column)
    slices = (column.slice(start, _PIECE_ROWS) for start in range(0, len(column), _PIECE_ROWS))
    return pl.concat(list(map_in_order(work, slices)))


def iter_text_pieces(text: bytes, size: int = PIECE_BYTES) -> Iterator[bytes]:
    """Yield a text in pieces of about `size` bytes, cut at line ends."""
    start = 0
    while start < len(text):
        stop = start + size
        if stop < len(text):
            stop = text.rfind(b"\n", start, stop) + 1 or text.find(b"\n", start) + 1 or len(text)
        yield text[start:stop]
        start = stop


def iter_file_pieces(path: Path, size: int = PIECE_BYTES, start: int = 0) -> Iterator[bytes]:
    """Yield a file in pieces of about `size` bytes, cut at line ends; the last may be longer."""
    with path.open("rb") as file:
        file.seek(start)
        piece = file.read(size) + file.readline()
        while next_piece := file.read(size) + file.readline():
            if len(next_piece) >= size:
                yield piece
                piece = next_piece
            else:
                piece += next_piece
        yield piece


def bytes_to_lines(text: bytes) -> pl.Series:
    """Return the lines of a text; raise `UnicodeError` if it is not UTF-8.

    Lines end in LF; a line end at the very end does not start another line.
    """
    try:
        # polars decompresses text that starts like compressed data; a line end in front prevents
        # it.
        lines = pl.read_lines(b"\n" + text, name="text")["text"]
    except pl.exceptions.ComputeError as error:
        raise UnicodeError(str(error)) from None
    return lines.slice(1)
