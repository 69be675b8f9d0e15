"""What a dialect renders: the lines of a file without its head."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO

import polars as pl

# Lines that are joined at once: more cost memory, fewer cost time.
_CHUNK = 100_000


@dataclass(frozen=True, slots=True)
class Body:
    """The content of an export, in order; an item of `lines` may be several lines."""

    lines: pl.Series
    #: How many names or networks it lists.
    count: int
    #: How many rows could not be expressed in full, by reason.
    left_out: dict[str, int]
    #: The feeds whose entries may be in it, and their terms.
    credits: tuple[str, ...] = ()

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes, each line with its line end."""
        for part in self.lines.to_frame("line").iter_slices(_CHUNK):
            chunk = BytesIO()
            part.write_csv(chunk, include_header=False, quote_style="never")
            yield chunk.getvalue()

    def digest(self) -> str:
        """Return the SHA-256 of the bytes."""
        return sha256_of(self.chunks())


def sha256_of(chunks: Iterator[bytes]) -> str:
    """Return the SHA-256 of bytes that come in pieces."""
    digest = sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()
