"""Take the one list out of a zip."""

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from blocklist.collect.errors import Unacceptable
from blocklist.collect.unpack import MAX_RATIO, RATIO_FROM, ZIP, Unpacker

_PIECE = 1 << 20


def is_zip(path: Path) -> bool:
    """Whether a file starts as a zip does."""
    with path.open("rb") as file:
        return file.read(len(ZIP)) == ZIP


def members(path: Path, cap: int) -> Iterator[bytes]:
    """Yield the bytes of the one file in a zip, at most `cap` and at most so many times its size.

    Raise `Unacceptable` when there is not just one.
    """
    unpacker = Unpacker(cap)
    packed = path.stat().st_size
    try:
        with zipfile.ZipFile(path) as archive:
            listed = [entry for entry in archive.infolist() if not entry.is_dir()]
            if len(listed) != 1:
                raise Unacceptable(f"a zip of {len(listed)} files, expected one")
            with archive.open(listed[0]) as member:
                while piece := member.read(_PIECE):
                    yield from unpacker.feed(piece)
                    if unpacker.given > max(packed * MAX_RATIO, RATIO_FROM):
                        raise Unacceptable(
                            f"unpacks to more than {MAX_RATIO} times its size, as no list does"
                        )
                yield from unpacker.finish()
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise Unacceptable(f"broken zip data: {error}") from None
    except (RuntimeError, NotImplementedError):
        raise Unacceptable("a zip with a password, or packed as this Python cannot read") from None
