"""Shared parts of readers: queries, read results, and reading a file's lines piece by piece."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TypeVar

import polars as pl

from blocklist.config.exports import Export
from blocklist.errors import ExportFailed
from blocklist.export.render.canary import split_canary_lines
from blocklist.frames.parallel import bytes_to_lines, iter_file_pieces, map_in_order
from blocklist.model import Kind

#: What a file is asked for: names, addresses, URLs.
Queries = dict[Kind, list[str]]


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What a consumer would hold after it loaded a file."""

    #: How many names, networks and URLs it lists.
    entry_count: int
    #: Which of the queries it would block.
    blocked_queries: dict[Kind, set[str]]
    #: The lines of canaries, in order.
    canary_lines: list[str]


_Part = TypeVar("_Part")


def read_pieces(
    path: Path, export: Export, read: Callable[[pl.Series], _Part]
) -> tuple[list[_Part], list[str]]:
    """Give all lines of a file but comments and canaries to `read`, piece by piece.

    Return what it gave, in order, and the lines of the canaries. Pieces are read at once.
    """
    found = list(map_in_order(partial(_read_piece, export, read), iter_file_pieces(path)))
    return [part for part, _ in found], list(chain.from_iterable(lines for _, lines in found))


def _read_piece(
    export: Export, read: Callable[[pl.Series], _Part], text: bytes
) -> tuple[_Part, list[str]]:
    texts, canaries = decode_lines(text), list[str]()
    # Most pieces have neither, and their bytes tell so before all lines were looked at.
    if export.canary.encode() in text:
        texts, canaries = split_canary_lines(texts, export)
    mark = export.target.comment
    if mark and mark.encode() in text:
        texts = texts.filter(~texts.str.starts_with(mark))
    return read(texts), canaries


def decode_lines(text: bytes) -> pl.Series:
    """Return the lines of a text; raise `ExportFailed` where it is none."""
    try:
        return bytes_to_lines(text)
    except UnicodeError:
        raise ExportFailed("the file has bytes that are no text") from None


def filter_wanted(values: pl.Series, wanted: pl.Series) -> pl.Series:
    """Return those of the values that are wanted."""
    return values.filter(values.is_in(wanted.implode()))
