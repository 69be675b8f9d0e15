"""Process columns, texts and files in pieces: on all cores, in order, few pieces in memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import chain, islice
from pathlib import Path
from typing import TypeVar

import polars as pl

#: Bytes of a piece: enough to keep a core busy, little beside what a large list needs.
PIECE_BYTES = 8_000_000
#: Rows of a piece, where they are counted.
_PIECE_ROWS = 250_000
_POLL_SECONDS = 0.2

_Input = TypeVar("_Input")
_Output = TypeVar("_Output")


def map_in_order(
    work: Callable[[_Input], _Output], pieces: Iterable[_Input], at_once: int | None = None
) -> Iterator[_Output]:
    """Yield what `work` makes of each piece, in their order, `at_once` or as many as cores are.

    Threads do it, for polars and Python's reading of files leave the interpreter free meanwhile;
    but a piece that comes alone is not worth one.
    """
    coming = iter(pieces)
    first = list(islice(coming, 2))
    if len(first) < 2:
        yield from map(work, first)
        return
    threads = at_once or pl.thread_pool_size()
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[_Output]] = deque()
        try:
            for piece in chain(first, coming):
                waiting.append(pool.submit(work, piece))
                if len(waiting) > threads:
                    yield _wait_for_result(waiting.popleft())
            while waiting:
                yield _wait_for_result(waiting.popleft())
        finally:
            for future in waiting:
                future.cancel()


def _wait_for_result(future: Future[_Output]) -> _Output:
    """Wait for what a thread makes; Ctrl-C is heard at once only by one who wakes up for it."""
    while not future.done():
        wait([future], _POLL_SECONDS)
    return future.result()


def compact_strings(texts: pl.Series) -> pl.Series:
    """Return the same texts, side by side in memory as they stand in the column.

    After a sort, a join or a group they lie where they were, all over the memory, and whatever
    looks at each of millions takes several times as long as copying them once. What else lies
    there may go then, too. Numbers are never scattered.
    """
    return texts if texts.dtype != pl.String else map_column(lambda piece: piece + "", texts)


def map_column(work: Callable[[pl.Series], pl.Series], column: pl.Series) -> pl.Series:
    """Return what `work` makes of a column, a value for each of its own."""
    if len(column) <= _PIECE_ROWS:
        return work(column)
    slices = (column.slice(start, _PIECE_ROWS) for start in range(0, len(column), _PIECE_ROWS))
    return pl.concat(list(map_in_order(work, slices)))


def iter_text_pieces(text: bytes, size: int = PIECE_BYTES) -> Iterator[bytes]:
    """Yield a text in pieces of about `size`, cut at line ends."""
    start = 0
    while start < len(text):
        stop = start + size
        if stop < len(text):
            stop = text.rfind(b"\n", start, stop) + 1 or text.find(b"\n", start) + 1 or len(text)
        yield text[start:stop]
        start = stop


def iter_file_pieces(path: Path, size: int = PIECE_BYTES, start: int = 0) -> Iterator[bytes]:
    """Yield a file in pieces of about `size`, cut at line ends, the last one of at least that."""
    with path.open("rb") as file:
        file.seek(start)
        piece = file.read(size) + file.readline()
        while rest := file.read(size) + file.readline():
            if len(rest) >= size:
                yield piece
                piece = rest
            else:
                piece += rest
        yield piece


def bytes_to_lines(text: bytes) -> pl.Series:
    """Return the lines of a text; raise `UnicodeError` when it is not UTF-8.

    They end in LF; a line end at the very end starts no further line.
    """
    try:
        # What starts as packed data does would be unpacked, however much that is: no line end does.
        found = pl.read_lines(b"\n" + text, name="text")["text"]
    except pl.exceptions.ComputeError as error:
        raise UnicodeError(str(error)) from None
    return found.slice(1)
