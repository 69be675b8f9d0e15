"""Decompress a stream piece by piece, and read the one list in a zip: bytes -> list bytes.

The compression is detected by content, not by file name. A few kilobytes can decompress to
gigabytes, so every step returns at most one piece, and the total is checked after each (CWE-409).
"""

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from blocklist.fetch.decompress import MAX_RATIO, RATIO_CHECK_FROM, ZIP_MAGIC, StreamDecompressor
from blocklist.fetch.types import ContentRefused

_ZIP_READ_BYTES = 1 << 20


def is_zip_file(path: Path) -> bool:
    """Whether a file starts as a zip does."""
    with path.open("rb") as file:
        return file.read(len(ZIP_MAGIC)) == ZIP_MAGIC


def read_zip_member(path: Path, cap: int) -> Iterator[bytes]:
    """Yield the bytes of the one file in a zip, at most `cap` and at most so many times its size.

    Raise `Unacceptable` when there is not just one.
    """
    unpacker = StreamDecompressor(cap)
    packed = path.stat().st_size
    try:
        with zipfile.ZipFile(path) as archive:
            listed = [entry for entry in archive.infolist() if not entry.is_dir()]
            if len(listed) != 1:
                raise ContentRefused(f"a zip of {len(listed)} files, expected one")
            with archive.open(listed[0]) as member:
                while piece := member.read(_ZIP_READ_BYTES):
                    yield from unpacker.decompress_piece(piece)
                    if unpacker.bytes_out > max(packed * MAX_RATIO, RATIO_CHECK_FROM):
                        raise ContentRefused(
                            f"unpacks to more than {MAX_RATIO} times its size, as no list does"
                        )
                yield from unpacker.finish()
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise ContentRefused(f"broken zip data: {error}") from None
    except (RuntimeError, NotImplementedError):
        raise ContentRefused(
            "a zip with a password, or packed as this Python cannot read"
        ) from None
