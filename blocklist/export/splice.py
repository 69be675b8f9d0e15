"""A body made of the one in place: some entries taken out, and others put where they belong.

Nothing here knows what lines mean; `export.altered` says which ones are right, and proves it.
Nearly all of a file stays as it is, so it is not cut into lines: what goes is looked for as bytes,
and the place of what comes among a few lines nearby.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from os import SEEK_END, pread
from pathlib import Path
from typing import BinaryIO

import polars as pl

from blocklist.columns.names import sort_key
from blocklist.columns.pieces import in_order, lines, of_file
from blocklist.errors import ExportFailed
from blocklist.export.body import Body, sha256_of
from blocklist.export.edits import Edit, Misfit, edited, undoing

#: Bytes of a piece.
_SIZE = 8_000_000
# Where the names of lines tell the way, one is looked at in so many bytes.
_STRIDE = 2_048
# Where a piece is to end, an entry ends within so many bytes.
_NEAR = 65_536


class Astray(Exception):
    """The file in place is not what it was taken for, or cannot be changed so."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A piece of the file, in which no entry is cut in two, and which entries are to be in it."""

    start: int
    stop: int
    known: pl.DataFrame
    come: pl.DataFrame


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Where stretches of some lines begin and end in a text, and the key of the first line."""

    start: pl.Series
    stop: pl.Series
    key: pl.Series

    def of(self, keys: pl.Series) -> pl.Series:
        """Return for each key the block in which, or at whose end, its lines begin."""
        return (self.key.search_sorted(keys, side="left").cast(pl.Int64) - 1).clip(0)


@dataclass(frozen=True)
class Splice:
    """How the body of a file becomes another one."""

    file: Path
    #: Where the body begins, and the SHA-256 of it.
    start: int
    digest: str
    #: `key` and `text` of the entries that the touched families have in it, and whether each
    #: `goes`; and of those that come: all in the order of the keys.
    known: pl.DataFrame
    come: pl.DataFrame
    #: The name that a `line` is about.
    name: pl.Expr
    #: How long each piece has become in the last pass, and by which edits.
    made: list[tuple[int, list[Edit]]] = field(default_factory=list)

    def chunks(self) -> Iterator[bytes]:
        """Yield the new body; raise `Astray` where the old one is not as it should be."""
        self.made.clear()
        try:
            with self.file.open("rb") as file:
                for text, edits in in_order(partial(self._changed, file), self._pieces(file)):
                    self.made.append((len(text), edits))
                    yield text
        except (OSError, UnicodeError, Misfit, pl.exceptions.ComputeError):
            raise Astray from None

    def require(self, file: Path, start: int) -> None:
        """Raise `ExportFailed` unless a file has, from `start` on, what the old one becomes.

        All edits are undone in it: that must give the content with the old digest, and what was
        undone must be all that goes and all that comes. Raise `Astray` if the old file is at fault.
        """
        if self._undone(file, start) == self.digest and self._is_whole():
            return
        if sha256_of(of_file(self.file, start=self.start)) != self.digest:
            raise Astray
        raise ExportFailed(
            "the new file is not the old one with what changed; "
            "this is a fault of the program, please report it"
        )

    def _undone(self, file: Path, start: int) -> str | None:
        """Return the SHA-256 of what a file was before the edits; None where they are not in it."""
        digest = sha256()
        with file.open("rb") as new:
            new.seek(start)
            try:
                for length, edits in self.made:
                    for part in edited(new.read(length), undoing(edits)):
                        digest.update(part)
            except Misfit:
                return None
            return None if new.read(1) else digest.hexdigest()

    def _is_whole(self) -> bool:
        edits = [edit for _, edits in self.made for edit in edits]
        gone = [edit.gone for edit in edits if edit.gone]
        come = [edit.come for edit in edits if edit.come]
        return gone == _texts(self.known.filter("goes")) and come == _texts(self.come)

    def _pieces(self, file: BinaryIO) -> Iterator[_Piece]:
        start, known, come = self.start, self.known, self.come
        for stop, key in self._cuts(file):
            ours, theirs = (some["key"].search_sorted(key, side="left") for some in (known, come))
            yield _Piece(start, stop, known[:ours], come[:theirs])
            start, known, come = stop, known[ours:], come[theirs:]
        yield _Piece(start, file.seek(0, SEEK_END), known, come)

    def _cuts(self, file: BinaryIO) -> Iterator[tuple[int, str]]:
        """Yield where a piece ends, and the key of the entry that begins there."""
        end, at = file.seek(0, SEEK_END), self.start + _SIZE
        while at + _SIZE < end:
            file.seek(at)
            at += len(file.readline())
            near = file.read(_NEAR)
            texts = lines(near[: near.rfind(b"\n") + 1])
            keys = self._keys(texts)
            others = (keys.rle_id() > 0).arg_true()
            if others.is_empty():  # the rest is one piece, however long
                return
            at += int((texts[: others[0]].str.len_bytes() + 1).sum())
            yield at, keys[others[0]]
            at += _SIZE

    def _changed(self, file: BinaryIO, piece: _Piece) -> tuple[bytes, list[Edit]]:
        """Return a piece with its changes, and these."""
        text = pread(file.fileno(), piece.stop - piece.start, piece.start)
        blocks = self._blocks(text)
        places = self._places(text, blocks, piece.come["key"])
        come = [Edit(at, b"", new) for at, new in zip(places, _texts(piece.come), strict=True)]
        gone = _gone(text, blocks, piece.known)
        # What comes stands before the one in whose place it comes.
        edits = sorted([*come, *gone], key=lambda edit: (edit.start, len(edit.gone)))
        return b"".join(edited(text, edits)), edits

    def _blocks(self, text: bytes) -> _Blocks:
        if not text:
            raise Astray
        starts, firsts, at = list[int](), list[bytes](), 0
        while at < len(text):
            starts.append(at)
            firsts.append(text[at : text.find(b"\n", at)])
            at = text.find(b"\n", at + _STRIDE) + 1 or len(text)
        keys = self._keys(pl.Series(firsts, dtype=pl.Binary).cast(pl.String))
        bounds = pl.Series([*starts, at], dtype=pl.Int64)
        return _Blocks(bounds[:-1], bounds[1:], keys)

    def _places(self, text: bytes, blocks: _Blocks, keys: pl.Series) -> list[int]:
        """Return where the first line begins that stands behind each key."""
        if keys.is_empty():
            return []
        within = blocks.of(keys)
        few = within.unique().sort()
        starts, stops = blocks.start.gather(few), blocks.stop.gather(few)
        near = lines(b"".join(map(text.__getitem__, map(slice, starts, stops))))
        ends = (near.str.len_bytes().cast(pl.Int64) + 1).cum_sum()
        behind = self._keys(near).search_sorted(keys, side="left")
        places = pl.concat([pl.Series([0], dtype=pl.Int64), ends]).gather(behind)
        # So far these are places in the few blocks, which are not side by side in the text.
        moved = starts - (stops - starts).cum_sum().shift(fill_value=0)
        return (places + moved.gather(few.search_sorted(within))).to_list()

    def _keys(self, texts: pl.Series) -> pl.Series:
        """Return by what the names of lines are ordered (`meaning.by_family`)."""
        keys = texts.alias("line").to_frame().select(key=sort_key(self.name))["key"]
        if keys.has_nulls():
            raise Astray
        return keys


def _gone(text: bytes, blocks: _Blocks, known: pl.DataFrame) -> Iterator[Edit]:
    """Yield what goes; raise `Astray` unless all that is known is there."""
    starts = blocks.start.gather(blocks.of(known["key"]))
    for start, entry, goes in zip(starts, _texts(known), known["goes"], strict=True):
        at = start if text.startswith(entry, start) else text.find(b"\n" + entry, start) + 1
        if not text.startswith(entry, at):
            raise Astray
        if goes:
            yield Edit(at, entry, b"")


def _texts(entries: pl.DataFrame) -> list[bytes]:
    """Return the lines of each entry, with their ends."""
    return (entries["text"] + "\n").cast(pl.Binary).to_list()


@dataclass(frozen=True, slots=True, kw_only=True)
class Spliced(Body):
    """A body that is made of the one in place."""

    splice: Splice

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes, each line with its line end; raise `Astray` where that cannot be."""
        return self.splice.chunks()
