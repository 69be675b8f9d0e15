"""Splice a body: the file in place, removed and added entries -> the new bytes, piece by piece.

This module does not interpret lines; `file_patch` chooses the entries and verifies the result.
Nearly all of a file stays the same, so it is not split into lines: removed entries are searched as
bytes, and the position of an added entry is found among a few lines nearby.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from os import SEEK_END, pread
from pathlib import Path
from typing import BinaryIO, NamedTuple

import polars as pl

from blocklist.errors import ExportFailed
from blocklist.export.render.body import Body, hash_chunks
from blocklist.frames.names import name_sort_key_expr
from blocklist.frames.parallel import bytes_to_lines, iter_file_pieces, map_in_order

#: Bytes of a piece.
_PIECE_BYTES = 8_000_000
# The name of one line is read in every so many bytes, to find the way to an entry.
_BLOCK_BYTES = 2_048
# An entry ends within so many bytes after the place where a piece is to end.
_CUT_WINDOW_BYTES = 65_536


class NotPatchable(Exception):
    """The file in place is not the expected one, or the change cannot be made by a patch."""


class EditMismatch(Exception):
    """A text does not contain what an edit removes."""


class Edit(NamedTuple):
    """Replacement of whole lines at an offset of a text; either part may be empty."""

    start: int
    removed: bytes
    inserted: bytes


def apply_edits(text: bytes, edits: Iterable[Edit]) -> Iterator[bytes | memoryview]:
    """Yield the parts of a text after edits, which are ordered by their offsets.

    Raise `EditMismatch` if an edit does not start at a line, or its removed lines are not there.
    """
    view, position = memoryview(text), 0
    for start, removed, inserted in edits:
        if not text.startswith(removed, start) or text[start - 1 : start] not in (b"", b"\n"):
            raise EditMismatch
        yield view[position:start]
        yield inserted
        position = start + len(removed)
    yield view[position:]


def invert_edits(edits: Iterable[Edit]) -> Iterator[Edit]:
    """Yield the edits that turn the new text back into the old one."""
    shift = 0
    for start, removed, inserted in edits:
        yield Edit(start + shift, inserted, removed)
        shift += len(inserted) - len(removed)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A piece of the file that splits no entry, with the entries that belong to it."""

    start: int
    stop: int
    old_entries: pl.DataFrame
    added_entries: pl.DataFrame


@dataclass(frozen=True, slots=True)
class _BlockIndex:
    """Blocks of some lines each: their offsets in a text, and the sort key of the first line."""

    starts: pl.Series
    stops: pl.Series
    first_keys: pl.Series

    def find_blocks(self, keys: pl.Series) -> pl.Series:
        """Return for each key the number of the block in which, or at whose end, its lines go."""
        return (self.first_keys.search_sorted(keys, side="left").cast(pl.Int64) - 1).clip(0)


@dataclass(frozen=True)
class Splice:
    """The change of a file's body into a new body."""

    file: Path
    #: Offset of the body in the file, and the SHA-256 of the body.
    body_start: int
    old_digest: str
    #: `key`, `text` and `is_removed` of the entries of the touched families in the file, and `key`
    #: and `text` of the added entries; both ordered by key.
    old_entries: pl.DataFrame
    added_entries: pl.DataFrame
    #: The name of a text in the column `line`.
    line_name: pl.Expr
    #: New length and edits of each piece in the last pass.
    patched_pieces: list[tuple[int, list[Edit]]] = field(default_factory=list)

    def patch_chunks(self) -> Iterator[bytes]:
        """Yield the new body; raise `NotPatchable` if the old one is not the expected one."""
        self.patched_pieces.clear()
        try:
            with self.file.open("rb") as file:
                patch = partial(self._patch_piece, file)
                for text, edits in map_in_order(patch, self._split_pieces(file)):
                    self.patched_pieces.append((len(text), edits))
                    yield text
        except (OSError, UnicodeError, EditMismatch, pl.exceptions.ComputeError):
            raise NotPatchable from None

    def verify_patch(self, file: Path, start: int) -> None:
        """Raise `ExportFailed` unless the content of `file` from `start` on is the patched body.

        All edits are undone in it: that must give the content with the old digest, and the undone
        edits must be all removed and all added entries. Raise `NotPatchable` if the fault is in the
        old file.
        """
        if self._hash_without_edits(file, start) == self.old_digest and self._is_complete():
            return
        if hash_chunks(iter_file_pieces(self.file, start=self.body_start)) != self.old_digest:
            raise NotPatchable
        raise ExportFailed(
            "the new file is not the old one with what changed; "
            "this is a fault of the program, please report it"
        )

    def _hash_without_edits(self, file: Path, start: int) -> str | None:
        """Return the SHA-256 of a file's content without the edits; None if they do not match."""
        digest = sha256()
        with file.open("rb") as new:
            new.seek(start)
            try:
                for length, edits in self.patched_pieces:
                    for part in apply_edits(new.read(length), invert_edits(edits)):
                        digest.update(part)
            except EditMismatch:
                return None
            return None if new.read(1) else digest.hexdigest()

    def _is_complete(self) -> bool:
        """Return whether the edits removed and added all entries that they should."""
        edits = [edit for _, edits in self.patched_pieces for edit in edits]
        removed = [edit.removed for edit in edits if edit.removed]
        inserted = [edit.inserted for edit in edits if edit.inserted]
        return removed == _encode_entries(
            self.old_entries.filter("is_removed")
        ) and inserted == _encode_entries(self.added_entries)

    def _split_pieces(self, file: BinaryIO) -> Iterator[_Piece]:
        start, old, added = self.body_start, self.old_entries, self.added_entries
        for stop, key in self._find_cuts(file):
            old_count, added_count = (
                entries["key"].search_sorted(key, side="left") for entries in (old, added)
            )
            yield _Piece(start, stop, old[:old_count], added[:added_count])
            start, old, added = stop, old[old_count:], added[added_count:]
        yield _Piece(start, file.seek(0, SEEK_END), old, added)

    def _find_cuts(self, file: BinaryIO) -> Iterator[tuple[int, str]]:
        """Yield the offset at which a piece ends, and the key of the entry that starts there."""
        end, offset = file.seek(0, SEEK_END), self.body_start + _PIECE_BYTES
        while offset + _PIECE_BYTES < end:
            file.seek(offset)
            offset += len(file.readline())
            window = file.read(_CUT_WINDOW_BYTES)
            texts = bytes_to_lines(window[: window.rfind(b"\n") + 1])
            keys = self._sort_keys(texts)
            next_entries = (keys.rle_id() > 0).arg_true()
            if next_entries.is_empty():  # the rest is one piece, however long
                return
            offset += int((texts[: next_entries[0]].str.len_bytes() + 1).sum())
            yield offset, keys[next_entries[0]]
            offset += _PIECE_BYTES

    def _patch_piece(self, file: BinaryIO, piece: _Piece) -> tuple[bytes, list[Edit]]:
        """Return the new text of a piece, and the edits that led to it."""
        text = pread(file.fileno(), piece.stop - piece.start, piece.start)
        blocks = self._index_blocks(text)
        offsets = self._find_insert_offsets(text, blocks, piece.added_entries["key"])
        added = [
            Edit(offset, b"", entry)
            for offset, entry in zip(offsets, _encode_entries(piece.added_entries), strict=True)
        ]
        removals = _find_removals(text, blocks, piece.old_entries)
        # An entry is added before the one that is removed at the same offset.
        edits = sorted([*added, *removals], key=lambda edit: (edit.start, len(edit.removed)))
        return b"".join(apply_edits(text, edits)), edits

    def _index_blocks(self, text: bytes) -> _BlockIndex:
        if not text:
            raise NotPatchable
        starts, first_lines, offset = list[int](), list[bytes](), 0
        while offset < len(text):
            starts.append(offset)
            first_lines.append(text[offset : text.find(b"\n", offset)])
            offset = text.find(b"\n", offset + _BLOCK_BYTES) + 1 or len(text)
        keys = self._sort_keys(pl.Series(first_lines, dtype=pl.Binary).cast(pl.String))
        bounds = pl.Series([*starts, offset], dtype=pl.Int64)
        return _BlockIndex(bounds[:-1], bounds[1:], keys)

    def _find_insert_offsets(self, text: bytes, blocks: _BlockIndex, keys: pl.Series) -> list[int]:
        """Return for each key the offset of the first line with a key that is not lower."""
        if keys.is_empty():
            return []
        block_of_key = blocks.find_blocks(keys)
        needed = block_of_key.unique().sort()
        starts, stops = blocks.starts.gather(needed), blocks.stops.gather(needed)
        lines = bytes_to_lines(b"".join(map(text.__getitem__, map(slice, starts, stops))))
        line_ends = (lines.str.len_bytes().cast(pl.Int64) + 1).cum_sum()
        line_of_key = self._sort_keys(lines).search_sorted(keys, side="left")
        offsets = pl.concat([pl.Series([0], dtype=pl.Int64), line_ends]).gather(line_of_key)
        # These are offsets in the joined blocks, which are not adjacent in the text.
        shifts = starts - (stops - starts).cum_sum().shift(fill_value=0)
        return (offsets + shifts.gather(needed.search_sorted(block_of_key))).to_list()

    def _sort_keys(self, texts: pl.Series) -> pl.Series:
        """Return the sort keys of the names of lines, as `precedence.sort_by_family` uses them."""
        keys = texts.alias("line").to_frame().select(key=name_sort_key_expr(self.line_name))["key"]
        if keys.has_nulls():
            raise NotPatchable
        return keys


def _find_removals(text: bytes, blocks: _BlockIndex, entries: pl.DataFrame) -> Iterator[Edit]:
    """Yield the removals; raise `NotPatchable` unless the text contains all entries."""
    starts = blocks.starts.gather(blocks.find_blocks(entries["key"]))
    rows = zip(starts, _encode_entries(entries), entries["is_removed"], strict=True)
    for start, entry, is_removed in rows:
        offset = start if text.startswith(entry, start) else text.find(b"\n" + entry, start) + 1
        if not text.startswith(entry, offset):
            raise NotPatchable
        if is_removed:
            yield Edit(offset, entry, b"")


def _encode_entries(entries: pl.DataFrame) -> list[bytes]:
    """Return the lines of each entry, with line ends."""
    return (entries["text"] + "\n").cast(pl.Binary).to_list()


@dataclass(frozen=True, slots=True, kw_only=True)
class SplicedBody(Body):
    """A body that is made from the body of the file in place."""

    splice: Splice

    def encode_chunks(self) -> Iterator[bytes]:
        """Yield the bytes, each line with its line end; raise `NotPatchable` if that fails."""
        return self.splice.patch_chunks()
