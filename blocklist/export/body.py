"""What a dialect renders: the lines of a file without its head."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

import polars as pl

from blocklist.columns.pieces import in_order

# Rows that are rendered at once: more cost memory, fewer cost time.
_CHUNK = 50_000


@dataclass(frozen=True, slots=True)
class Part:
    """Rows, and the line that each of them is; it may be several lines. Rendered when needed."""

    rows: pl.DataFrame
    line: pl.Expr

    @classmethod
    def of(cls, lines: pl.Series | list[str]) -> "Part":
        """Return lines that are there already."""
        return cls(pl.DataFrame({"line": lines}, schema={"line": pl.String}), pl.col("line"))


@dataclass(frozen=True, slots=True)
class Body:
    """The content of an export, in order."""

    parts: tuple[Part, ...]
    #: How many names or networks it lists.
    count: int
    #: How many rows could not be expressed in full, by reason.
    left_out: dict[str, int]
    #: The feeds whose entries may be in it, and their terms.
    credits: tuple[str, ...] = ()

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes, each line with its line end."""
        slices = (
            Part(rows, part.line)
            for part in self.parts
            if not part.rows.is_empty()
            for rows in part.rows.iter_slices(_CHUNK)
        )
        return in_order(_rendered, slices)

    def digest(self) -> str:
        """Return the SHA-256 of the bytes."""
        return sha256_of(self.chunks())


def _rendered(part: Part) -> bytes:
    text = pl.concat_str(part.line.str.join("\n"), pl.lit("\n"))
    content: bytes = part.rows.select(text.cast(pl.Binary)).item()
    return content


def sha256_of(chunks: Iterator[bytes]) -> str:
    """Return the SHA-256 of bytes that come in pieces."""
    digest = sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()
