"""Files written whole or not at all: beside their target, fsynced, renamed."""

import errno
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from blocklist.errors import UsageError

_MODE = 0o644


def write_atomically(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a file so that a reader sees the old content or the new, even after a power cut.

    Raise `UsageError` when the folder cannot be written to or the path is a folder; the old file
    is then untouched.
    """
    with replacing(path) as beside, beside.open("wb") as file:
        file.writelines(chunks)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give an empty file beside `path`, which takes its place when the block ends well.

    Any error leaves the old file untouched and nothing beside it. Raise `UsageError` for an
    `OSError`, also one from within the block, and where `path` is a folder or a device. A link
    stays one: the file it leads to is replaced.
    """
    path = Path(os.path.realpath(path))  # `resolve` fails where links run in a circle
    beside = None
    try:
        _refuse_what_is_no_file(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = path.stat().st_mode & 0o777 if path.exists() else _MODE
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(handle)
        beside = Path(name)
        yield beside
        beside.chmod(mode)
        _sync(beside)
        beside.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        if beside is not None:
            beside.unlink(missing_ok=True)


def _refuse_what_is_no_file(path: Path) -> None:
    """Fail before all the work, and never put a file in the place of /dev/null."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if path.parent.is_file():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    if path.exists() and not path.is_file():
        raise UsageError(f"{path}: cannot be written: it is a device or a pipe; name a file")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
