"""Body of an export file: rows and a line expression -> the bytes after the head."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

import polars as pl

from blocklist.frames.parallel import map_in_order

# Rows that are rendered at once: more need more memory, fewer take more time.
_ROWS_PER_CHUNK = 50_000


@dataclass(frozen=True, slots=True)
class BodyPart:
    """Rows, and the expression for the line or lines of each row, rendered when needed."""

    rows: pl.DataFrame
    line_expr: pl.Expr

    @classmethod
    def from_lines(cls, lines: pl.Series | list[str]) -> "BodyPart":
        """Return a part of given lines."""
        return cls(pl.DataFrame({"line": lines}, schema={"line": pl.String}), pl.col("line"))


@dataclass(frozen=True, slots=True)
class Body:
    """The content of an export file, in order."""

    parts: tuple[BodyPart, ...]
    #: Number of listed names, networks and URLs.
    entry_count: int
    #: Number of rows that are not expressed in full, by reason.
    left_out: dict[str, int]
    #: Names and terms of the feeds whose entries may be in the file.
    feed_credits: tuple[str, ...] = ()

    def encode_chunks(self) -> Iterator[bytes]:
        """Yield the bytes in chunks, each line with its line end."""
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
    """Return the SHA-256 of bytes in chunks."""
    digest = sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()
