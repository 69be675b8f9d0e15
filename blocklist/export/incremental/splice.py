"""Splice a body: the file in place, removed and added entries -> the new bytes, piece by piece.

This module does not know what lines mean; `patch` chooses the entries and verifies the result.
Nearly all of a file stays the same, so it is not split into lines: removed entries are searched as
bytes, and the position of an added entry is found among a few lines nearby.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from os import SEEK_END, pread
from pathlib import Path
from typing import BinaryIO

import polars as pl

from blocklist.errors import ExportFailed
from blocklist.export.incremental.edits import Edit, EditMismatch, apply_edits, invert_edits
from blocklist.export.render.body import Body, hash_chunks
from blocklist.frames.names import name_sort_key_expr
from blocklist.frames.parallel import bytes_to_lines, iter_file_pieces, map_in_order

#: Bytes of a piece.
_PIECE_BYTES = 8_000_000
# Where the names of lines tell the way, one is looked at in so many bytes.
_BLOCK_BYTES = 2_048
# Where a piece is to end, an entry ends within so many bytes.
_CUT_WINDOW_BYTES = 65_536


class NotPatchable(Exception):
    """The file in place is not what it was taken for, or cannot be changed so."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A piece of the file, in which no entry is cut in two, and which entries are to be in it."""

    start: int
    stop: int
    old_entries: pl.DataFrame
    new_entries: pl.DataFrame


@dataclass(frozen=True, slots=True)
class _BlockIndex:
    """Where stretches of some lines begin and end in a text, and the key of the first line."""

    starts: pl.Series
    stops: pl.Series
    first_keys: pl.Series

    def find_blocks(self, keys: pl.Series) -> pl.Series:
        """Return for each key the block in which, or at whose end, its lines begin."""
        return (self.first_keys.search_sorted(keys, side="left").cast(pl.Int64) - 1).clip(0)


@dataclass(frozen=True)
class Splice:
    """How the body of a file becomes another one."""

    file: Path
    #: Where the body begins, and the SHA-256 of it.
    body_start: int
    old_digest: str
    #: `key` and `text` of the entries that the touched families have in it, and whether each
    #: `goes`; and of those that come: all in the order of the keys.
    old_entries: pl.DataFrame
    new_entries: pl.DataFrame
    #: The name that a `line` is about.
    line_name: pl.Expr
    #: How long each piece has become in the last pass, and by which edits.
    patched_pieces: list[tuple[int, list[Edit]]] = field(default_factory=list)

    def patch_chunks(self) -> Iterator[bytes]:
        """Yield the new body; raise `Astray` where the old one is not as it should be."""
        self.patched_pieces.clear()
        try:
            with self.file.open("rb") as file:
                for text, edits in map_in_order(
                    partial(self._patch_piece, file), self._split_pieces(file)
                ):
                    self.patched_pieces.append((len(text), edits))
                    yield text
        except (OSError, UnicodeError, EditMismatch, pl.exceptions.ComputeError):
            raise NotPatchable from None

    def verify_patch(self, file: Path, start: int) -> None:
        """Raise `ExportFailed` unless a file has, from `start` on, what the old one becomes.

        All edits are undone in it: that must give the content with the old digest, and what was
        undone must be all that goes and all that comes. Raise `Astray` if the old file is at fault.
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
        """Return the SHA-256 of what a file was before the edits; None where they are not in it."""
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
        edits = [edit for _, edits in self.patched_pieces for edit in edits]
        gone = [edit.removed for edit in edits if edit.removed]
        come = [edit.inserted for edit in edits if edit.inserted]
        return gone == _encode_entries(self.old_entries.filter("goes")) and come == _encode_entries(
            self.new_entries
        )

    def _split_pieces(self, file: BinaryIO) -> Iterator[_Piece]:
        start, known, come = self.body_start, self.old_entries, self.new_entries
        for stop, key in self._find_cuts(file):
            ours, theirs = (some["key"].search_sorted(key, side="left") for some in (known, come))
            yield _Piece(start, stop, known[:ours], come[:theirs])
            start, known, come = stop, known[ours:], come[theirs:]
        yield _Piece(start, file.seek(0, SEEK_END), known, come)

    def _find_cuts(self, file: BinaryIO) -> Iterator[tuple[int, str]]:
        """Yield where a piece ends, and the key of the entry that begins there."""
        end, at = file.seek(0, SEEK_END), self.body_start + _PIECE_BYTES
        while at + _PIECE_BYTES < end:
            file.seek(at)
            at += len(file.readline())
            near = file.read(_CUT_WINDOW_BYTES)
            texts = bytes_to_lines(near[: near.rfind(b"\n") + 1])
            keys = self._sort_keys(texts)
            others = (keys.rle_id() > 0).arg_true()
            if others.is_empty():  # the rest is one piece, however long
                return
            at += int((texts[: others[0]].str.len_bytes() + 1).sum())
            yield at, keys[others[0]]
            at += _PIECE_BYTES

    def _patch_piece(self, file: BinaryIO, piece: _Piece) -> tuple[bytes, list[Edit]]:
        """Return a piece with its changes, and these."""
        text = pread(file.fileno(), piece.stop - piece.start, piece.start)
        blocks = self._index_blocks(text)
        places = self._find_insert_offsets(text, blocks, piece.new_entries["key"])
        come = [
            Edit(at, b"", new)
            for at, new in zip(places, _encode_entries(piece.new_entries), strict=True)
        ]
        gone = _find_removals(text, blocks, piece.old_entries)
        # What comes stands before the one in whose place it comes.
        edits = sorted([*come, *gone], key=lambda edit: (edit.start, len(edit.removed)))
        return b"".join(apply_edits(text, edits)), edits

    def _index_blocks(self, text: bytes) -> _BlockIndex:
        if not text:
            raise NotPatchable
        starts, firsts, at = list[int](), list[bytes](), 0
        while at < len(text):
            starts.append(at)
            firsts.append(text[at : text.find(b"\n", at)])
            at = text.find(b"\n", at + _BLOCK_BYTES) + 1 or len(text)
        keys = self._sort_keys(pl.Series(firsts, dtype=pl.Binary).cast(pl.String))
        bounds = pl.Series([*starts, at], dtype=pl.Int64)
        return _BlockIndex(bounds[:-1], bounds[1:], keys)

    def _find_insert_offsets(self, text: bytes, blocks: _BlockIndex, keys: pl.Series) -> list[int]:
        """Return where the first line begins that stands behind each key."""
        if keys.is_empty():
            return []
        within = blocks.find_blocks(keys)
        few = within.unique().sort()
        starts, stops = blocks.starts.gather(few), blocks.stops.gather(few)
        near = bytes_to_lines(b"".join(map(text.__getitem__, map(slice, starts, stops))))
        ends = (near.str.len_bytes().cast(pl.Int64) + 1).cum_sum()
        behind = self._sort_keys(near).search_sorted(keys, side="left")
        places = pl.concat([pl.Series([0], dtype=pl.Int64), ends]).gather(behind)
        # So far these are places in the few blocks, which are not side by side in the text.
        moved = starts - (stops - starts).cum_sum().shift(fill_value=0)
        return (places + moved.gather(few.search_sorted(within))).to_list()

    def _sort_keys(self, texts: pl.Series) -> pl.Series:
        """Return by what the names of lines are ordered (`meaning.by_family`)."""
        keys = texts.alias("line").to_frame().select(key=name_sort_key_expr(self.line_name))["key"]
        if keys.has_nulls():
            raise NotPatchable
        return keys


def _find_removals(text: bytes, blocks: _BlockIndex, known: pl.DataFrame) -> Iterator[Edit]:
    """Yield what goes; raise `Astray` unless all that is known is there."""
    starts = blocks.starts.gather(blocks.find_blocks(known["key"]))
    for start, entry, goes in zip(starts, _encode_entries(known), known["goes"], strict=True):
        at = start if text.startswith(entry, start) else text.find(b"\n" + entry, start) + 1
        if not text.startswith(entry, at):
            raise NotPatchable
        if goes:
            yield Edit(at, entry, b"")


def _encode_entries(entries: pl.DataFrame) -> list[bytes]:
    """Return the lines of each entry, with their ends."""
    return (entries["text"] + "\n").cast(pl.Binary).to_list()


@dataclass(frozen=True, slots=True, kw_only=True)
class SplicedBody(Body):
    """A body that is made of the one in place."""

    splice: Splice

    def encode_chunks(self) -> Iterator[bytes]:
        """Yield the bytes, each line with its line end; raise `Astray` where that cannot be."""
        return self.splice.patch_chunks()
