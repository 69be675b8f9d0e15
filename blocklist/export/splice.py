"""A body made of the one in place: some entries taken out, and others put where they belong.

Nothing here knows what lines mean; `export.altered` says which ones are right, and proves it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from secrets import randbits

import polars as pl

from blocklist.columns.names import sort_key
from blocklist.columns.pieces import in_order, lines, of_file
from blocklist.errors import ExportFailed
from blocklist.export.body import Body

_LOW = (1 << 32) - 1
_STRIDE = 64


class Astray(Exception):
    """The file in place is not what it was taken for, or cannot be changed so."""


@dataclass(frozen=True, slots=True)
class Print:
    """How many lines there are, and sums of their hashes: two sets of lines differ in it."""

    count: int = 0
    low: int = 0
    high: int = 0

    @classmethod
    def of(cls, texts: pl.Series, seed: int) -> "Print":
        """Return the print of lines; nobody can make two that are alike without the seed."""
        hashes = texts.hash(seed)
        return cls(len(texts), int((hashes & _LOW).sum()), int((hashes // (_LOW + 1)).sum()))

    def __add__(self, other: "Print") -> "Print":
        return Print(self.count + other.count, self.low + other.low, self.high + other.high)

    def __sub__(self, other: "Print") -> "Print":
        return Print(self.count - other.count, self.low - other.low, self.high - other.high)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A piece of the body, and what of all is to be found in it, to go, and to come."""

    text: bytes
    known: pl.Series
    gone: pl.Series
    come: pl.DataFrame


@dataclass(frozen=True)
class Splice:
    """How the body of a file becomes another one."""

    file: Path
    #: Where the body begins, and the SHA-256 of it.
    start: int
    digest: str
    #: `key` and `text` of the lines that the touched families have in it, and of those that go; and
    #: of the entries that come: all in the order of the keys.
    known: pl.DataFrame
    gone: pl.DataFrame
    come: pl.DataFrame
    #: The name that a `line` is about.
    name: pl.Expr
    seed: int = field(default_factory=partial(randbits, 64))
    #: What the last pass saw of the old body.
    seen: list[Print] = field(default_factory=list)

    def chunks(self) -> Iterator[bytes]:
        """Yield the new body; raise `Astray` where the old one is not as it should be."""
        digest, found = sha256(), 0
        self.seen.clear()

        def pieces() -> Iterator[_Piece]:
            for piece in self._pieces():
                digest.update(piece.text)
                yield piece

        for text, known, seen in in_order(self._changed, pieces()):
            found += known
            self.seen.append(seen)
            yield text
        if digest.hexdigest() != self.digest or found != self.known.height:
            raise Astray

    def _pieces(self) -> Iterator[_Piece]:
        """Yield the body, with what belongs into each piece."""
        done = 0
        for text in _read(self.file, self.start):
            ends = self._keys(_lines(text[: text.find(b"\n")] + text[text.rfind(b"\n", 0, -1) :]))
            # An entry of some lines may begin in one piece and end in the next.
            known, gone = (
                _between(some, ends.min(), ends.max())["text"] for some in (self.known, self.gone)
            )
            upto = int((self.come["key"] <= ends.max()).sum())
            yield _Piece(text, known, gone, self.come[done:upto])
            done = upto
        nothing = pl.Series([], dtype=pl.String)
        yield _Piece(b"", nothing, nothing, self.come[done:])

    def _changed(self, piece: _Piece) -> tuple[bytes, int, Print]:
        """Return a piece with its changes, how many known lines it had, and the print of all."""
        texts = _lines(piece.text)
        known = texts.is_in(piece.known.implode()).arg_true()
        going = known.filter(texts.gather(known).is_in(piece.gone.implode()))
        ends = (texts.str.len_bytes().cast(pl.Int64) + 1).cum_sum()
        starts = pl.concat([pl.Series([0], dtype=pl.Int64), ends])
        come = starts.gather(self._places(texts, piece.come["key"]))
        # What comes stands first, and so before the line in whose place it comes.
        changes = pl.concat(
            [
                pl.DataFrame({"start": come, "stop": come, "text": piece.come["text"] + "\n"}),
                pl.DataFrame({"start": starts.gather(going), "stop": ends.gather(going)}),
            ],
            how="diagonal",
        ).sort("start", maintain_order=True)
        return _with(piece.text, changes), len(known), Print.of(texts, self.seed)

    def require(self, file: Path, start: int) -> None:
        """Raise `ExportFailed` unless a file has, from `start` on, just the lines it should.

        Those are the ones that the last pass saw, without those that go and with those that come.
        """
        count = partial(Print.of, seed=self.seed)
        found = in_order(count, map(_lines, of_file(file, start=start)))
        come = self.come["text"].str.split("\n").explode()
        wanted = sum(self.seen, Print()) - count(self.gone["text"]) + count(come)
        if sum(found, Print()) != wanted:
            raise ExportFailed(
                "the new file is not the old one with what changed; "
                "this is a fault of the program, please report it"
            )

    def _places(self, texts: pl.Series, keys: pl.Series) -> pl.Series:
        """Return before which line each key belongs: a search by halves, all keys at once."""
        # A look at some of the lines saves two rounds in three.
        some = self._keys(texts.gather_every(_STRIDE))
        behind = some.search_sorted(keys).cast(pl.Int64) * _STRIDE
        low, high = (behind - _STRIDE).clip(0), behind.clip(0, len(texts))
        while (wide := low < high).any():
            middle = (low + high) // 2
            smaller = self._keys(texts.gather(middle.clip(0, len(texts) - 1))) < keys
            low = (middle + 1).zip_with(wide & smaller, low)
            high = middle.zip_with(wide & ~smaller, high)
        return low

    def _keys(self, texts: pl.Series) -> pl.Series:
        """Return by what the names of lines are ordered (`meaning.by_family`)."""
        keys = texts.alias("line").to_frame().select(key=sort_key(self.name))["key"]
        if keys.has_nulls():
            raise Astray
        return keys


def _with(text: bytes, changes: pl.DataFrame) -> bytes:
    """Return a text with other texts in the place of some stretches: `start`, `stop`, `text`."""
    parts, at = list[bytes | memoryview](), 0
    whole = memoryview(text)
    # Stretch by stretch, for those are few: all lines in columns take five times as long.
    for start, stop, new in changes.iter_rows():
        parts += (whole[at:start], (new or "").encode())
        at = stop
    return b"".join((*parts, whole[at:]))


def _between(some: pl.DataFrame, first: object, last: object) -> pl.DataFrame:
    return some.filter(pl.col("key").is_between(pl.lit(first), pl.lit(last)))


def _read(file: Path, start: int) -> Iterator[bytes]:
    try:
        yield from of_file(file, start=start)
    except OSError:
        raise Astray from None


def _lines(piece: bytes) -> pl.Series:
    try:
        return lines(piece) if piece else pl.Series([], dtype=pl.String)
    except UnicodeError:
        raise Astray from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spliced(Body):
    """A body that is made of the one in place."""

    splice: Splice

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes, each line with its line end; raise `Astray` where that cannot be."""
        return self.splice.chunks()
