"""Body of an export file: rows and a line expression -> the bytes after the head."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

import polars as pl

from blocklist.frames.parallel import map_in_order

# Rows that are rendered at once: more cost memory, fewer cost time.
_ROWS_PER_CHUNK = 50_000


@dataclass(frozen=True, slots=True)
class BodyPart:
    """Rows, and the line that each of them is; it may be several lines. Rendered when needed."""

    rows: pl.DataFrame
    line_expr: pl.Expr

    @classmethod
    def from_lines(cls, lines: pl.Series | list[str]) -> "BodyPart":
        """Return lines that are there already."""
        return cls(pl.DataFrame({"line": lines}, schema={"line": pl.String}), pl.col("line"))


@dataclass(frozen=True, slots=True)
class Body:
    """The content of an export, in order."""

    parts: tuple[BodyPart, ...]
    #: How many names or networks it lists.
    entry_count: int
    #: How many rows could not be expressed in full, by reason.
    left_out: dict[str, int]
    #: The feeds whose entries may be in it, and their terms.
    feed_credits: tuple[str, ...] = ()

    def encode_chunks(self) -> Iterator[bytes]:
        """Yield the bytes, each line with its line end."""
        slices = (
            BodyPart(rows, part.line_expr)
            for part in self.parts
            if not part.rows.is_empty()
            for rows in part.rows.iter_slices(_ROWS_PER_CHUNK)
        )
        return map_in_order(_encode_part, slices)

    def content_digest(self) -> str:
        """Return the SHA-256 of the bytes."""
        return hash_chunks(self.encode_chunks())


def _encode_part(part: BodyPart) -> bytes:
    text = pl.concat_str(part.line_expr.str.join("\n"), pl.lit("\n"))
    content: bytes = part.rows.select(text.cast(pl.Binary)).item()
    return content


def hash_chunks(chunks: Iterator[bytes]) -> str:
    """Return the SHA-256 of bytes that come in pieces."""
    digest = sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()
