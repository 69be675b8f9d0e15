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
from blocklist.export.render.mark_address import MARK_START
from blocklist.frames.parallel import bytes_to_lines, iter_file_pieces, map_in_order
from blocklist.model import Kind

#: The queries for a file by kind: names, addresses, URLs.
Queries = dict[Kind, list[str]]


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What a consumer would have after it loaded a file."""

    #: Number of listed names, networks and URLs.
    entry_count: int
    #: The queries that it would block.
    blocked_queries: dict[Kind, set[str]]
    #: The lines of canaries, in order.
    canary_lines: list[str]
    #: The queried names that it would let pass by a rule; None if its format has no such rules.
    passing_names: set[str] | None = None


_PieceResult = TypeVar("_PieceResult")


def read_pieces(
    path: Path, export: Export, read: Callable[[pl.Series], _PieceResult]
) -> tuple[list[_PieceResult], list[str]]:
    """Call `read` with the lines of each piece of a file, without comments and canaries.

    Return its results, in order, and the lines of the canaries. Several threads read pieces.
    """
    pieces = list(map_in_order(partial(_read_piece, export, read), iter_file_pieces(path)))
    canaries = chain.from_iterable(lines for _, lines in pieces)
    return [result for result, _ in pieces], list(canaries)


def _read_piece(
    export: Export, read: Callable[[pl.Series], _PieceResult], text: bytes
) -> tuple[_PieceResult, list[str]]:
    texts, canaries = decode_lines(text), list[str]()
    # Most pieces have neither, and searching the bytes is faster than testing all lines.
    if export.canary.encode() in text or (export.target.mark and MARK_START.encode() in text):
        texts, canaries = split_canary_lines(texts, export)
    mark = export.target.comment
    if mark and mark.encode() in text:
        texts = texts.filter(~texts.str.starts_with(mark))
    return read(texts), canaries


def decode_lines(text: bytes) -> pl.Series:
    """Return the lines of a text; raise `ExportFailed` if it is not UTF-8."""
    try:
        return bytes_to_lines(text)
    except UnicodeError:
        raise ExportFailed("the file has bytes that are no text") from None


def filter_relevant(values: pl.Series, relevant: pl.Series) -> pl.Series:
    """Return the values that are among the relevant ones."""
    return values.filter(values.is_in(relevant.implode()))
