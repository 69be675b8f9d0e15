"""Replace files atomically: content -> temporary file beside the target, fsync, rename."""

import errno
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from blocklist.errors import StorageError

_DEFAULT_MODE = 0o644
_TEMPORARY_SUFFIX = ".new"
# A file written to twice within this may look the same after the second time.
_SETTLE_SECONDS = 2.0


def write_atomically(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a file so that a reader sees the old content or the new, even after a power cut.

    Raise `StorageError` when the folder cannot be written to or the path is a folder; the old file
    is then untouched.
    """
    with replace_atomically(path) as beside, beside.open("wb") as file:
        file.writelines(chunks)


@contextmanager
def replace_atomically(path: Path) -> Iterator[Path]:
    """Give an empty file beside `path`, which takes its place when the block ends well.

    Owner and mode stay. Any error leaves the old file untouched and nothing beside it. Raise
    `StorageError` for an `OSError`, also one from within the block, and where `path` is a folder or
    a device. A link stays one: the file it leads to is replaced.
    """
    with create_temporary_beside(path) as new:
        yield new
        path = Path(os.path.realpath(path))
        copy_owner_and_mode(new, path)
        _fsync_path(new)
        new.replace(path)
        # It is in its place. Where the folder cannot be synced, which some file systems refuse, a
        # power cut may bring the old file back, and that is whole, too.
        with suppress(OSError):
            _fsync_path(path.parent)


@contextmanager
def create_temporary_beside(path: Path) -> Iterator[Path]:
    """Give an empty file beside `path`, which is still there when the block ends well.

    Errors are as of `replacing`. A process that is killed leaves it, for `sweep`.
    """
    path = Path(os.path.realpath(path))  # `resolve` fails where links run in a circle
    new = None
    try:
        _refuse_non_file(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(_TEMPORARY_SUFFIX, f".{path.name}.", path.parent)
        os.close(handle)
        new = Path(name)
        yield new
    except BaseException as error:
        if new is not None:
            new.unlink(missing_ok=True)
        if isinstance(error, OSError):
            message = f"{path}: cannot be written: {error.strerror or error}"
            raise StorageError(message) from None
        raise


def copy_owner_and_mode(new: Path, old: Path) -> None:
    """Give a new file the owner and mode of the one whose place it takes."""
    if not old.exists():
        new.chmod(_DEFAULT_MODE)
        return
    was = old.stat()
    if _owner_ids(was) != _owner_ids(new.stat()):
        _copy_owner(new, was)
    new.chmod(was.st_mode & 0o777)


def _owner_ids(found: os.stat_result) -> tuple[int, int]:
    return found.st_uid, found.st_gid


def _copy_owner(new: Path, was: os.stat_result) -> None:
    """Give a file to the old one's owner, or at least to its group, where we may.

    Where we may not, it matters if the file is closed to others: its server could read it no more.
    """
    for owner in (was.st_uid, -1):
        try:
            os.chown(new, owner, was.st_gid)
        except PermissionError:
            continue
        return
    if not was.st_mode & 0o004:
        raise PermissionError(errno.EPERM, "its owner and group cannot be kept; run as its owner")


def find_leftovers(path: Path) -> list[Path]:
    """Return the files beside `path` that a process which was killed meant to put in its place."""
    path = Path(os.path.realpath(path))
    # What tempfile makes of a prefix and an ending.
    name = re.compile(rf"\.{re.escape(path.name)}\.[a-z0-9_]{{8}}{re.escape(_TEMPORARY_SUFFIX)}")
    try:
        return sorted(one for one in path.parent.iterdir() if name.fullmatch(one.name))
    except OSError:
        return []


def remove_leftovers(path: Path) -> None:
    """Remove the leftovers beside `path`, as far as we may; only for who alone writes there."""
    for left in find_leftovers(path):
        with suppress(OSError):
            left.unlink()


def stat_fingerprint(found: os.stat_result, settled: float = _SETTLE_SECONDS) -> str | None:
    """Return what tells a file from what it was before, without reading it.

    None where nothing does: for a device or a pipe, and for a file that was written to just now,
    which is less than the seconds `settled` ago.
    """
    if not stat.S_ISREG(found.st_mode) or time.time() - found.st_mtime < settled:
        return None
    return f"{found.st_ino}-{found.st_size}-{found.st_mtime_ns}-{found.st_ctime_ns}"


def _refuse_non_file(path: Path) -> None:
    """Fail before all the work, and never put a file in the place of /dev/null."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if path.parent.is_file():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    if path.exists() and not path.is_file():
        raise StorageError(f"{path}: cannot be written: it is a device or a pipe; name a file")


def _fsync_path(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
