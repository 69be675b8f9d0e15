"""Replace files atomically: content -> temporary file beside the target, fsync, rename."""

import errno
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from blocklist.errors import StorageError

_DEFAULT_MODE = 0o644
_TEMPORARY_SUFFIX = ".new"
# Errors of a rename onto a mount point, and across mounts.
_CANNOT_RENAME = (errno.EBUSY, errno.EXDEV)
_COPY_BYTES = 1 << 20
# Field 5 of a line is the mount point; a space in it is \\040.
_MOUNT_POINT_FIELD, _OCTAL_ESCAPE = 4, re.compile(r"\\([0-7]{3})")
# A file that is written twice within this time may have the same fingerprint.
_SETTLE_SECONDS = 2.0


def write_atomically(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a file so that readers see the old or the new content, even after a power failure.

    Raise `StorageError` if the folder cannot be written to or the path is a folder; the old file is
    then untouched.
    """
    with replace_atomically(path) as temporary, temporary.open("wb") as file:
        file.writelines(chunks)


@contextmanager
def replace_atomically(path: Path) -> Iterator[Path]:
    """Yield an empty temporary file that replaces `path` if the block succeeds.

    Owner and mode are kept. A file that cannot be replaced is written in place; see `replace_file`.
    After any error the old file is untouched and the temporary one
    removed. Raise `StorageError` for an `OSError`, also from within the block, and if `path` is a
    folder or a device. A symbolic link stays; its target is replaced.
    """
    with create_temporary_beside(path) as temporary:
        yield temporary
        path = Path(os.path.realpath(path))
        copy_owner_and_mode(temporary, path)
        _fsync_path(temporary)
        replace_file(temporary, path)
        # The file is replaced. If the folder cannot be synced, which some file systems refuse, a
        # power failure may bring back the old file, which is complete, too.
        with suppress(OSError):
            _fsync_path(path.parent)


def replace_file(new: Path, path: Path) -> None:
    """Rename a file to `path`; where that is impossible, write its content into the file there.

    A file that is a mount point of its own, as in `docker run -v ./hosts:/out/hosts`, cannot be
    replaced (EBUSY). Readers may then see a part of the content. If writing fails, the old content
    is restored. `new` is gone afterwards.
    """
    try:
        new.replace(path)
    except OSError as error:
        if error.errno not in _CANNOT_RENAME or not path.is_file():
            raise
        _write_in_place(new, path)
        new.unlink()


def _write_in_place(new: Path, path: Path) -> None:
    with create_temporary_beside(path) as old:
        shutil.copyfile(path, old)
        _fsync_path(old)
        try:
            _copy_content(new, path)
        except BaseException:
            _copy_content(old, path)
            raise
        finally:
            old.unlink()


def _copy_content(source: Path, path: Path) -> None:
    with source.open("rb") as content, path.open("r+b") as file:
        shutil.copyfileobj(content, file, _COPY_BYTES)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())


def is_mount_point(path: Path) -> bool:
    """Return whether a file is a mount point, by the list of mounts of Linux (proc(5))."""
    name = os.path.realpath(path)
    try:
        mounts = Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines()
    except OSError:
        return False
    points = (line.split(" ")[_MOUNT_POINT_FIELD] for line in mounts)
    return any(
        _OCTAL_ESCAPE.sub(lambda code: chr(int(code[1], 8)), point) == name for point in points
    )


@contextmanager
def create_temporary_beside(path: Path) -> Iterator[Path]:
    """Yield an empty temporary file beside `path`, which is kept if the block succeeds.

    Errors are handled as in `replace_atomically`. A killed process leaves the file, which
    `remove_leftovers` removes.
    """
    path = Path(os.path.realpath(path))  # Path.resolve fails for a loop of links
    temporary = None
    try:
        _refuse_non_file(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        prefix = f".{path.name}.{os.getpid()}-"
        handle, name = tempfile.mkstemp(_TEMPORARY_SUFFIX, prefix, path.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
    except BaseException as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            message = f"{path}: cannot be written: {error.strerror or error}"
            raise StorageError(message) from None
        raise


def copy_owner_and_mode(new: Path, old: Path) -> None:
    """Give a new file the owner and mode of the file that it replaces."""
    if not old.exists():
        new.chmod(_DEFAULT_MODE)
        return
    old_stat = old.stat()
    if _owner_ids(old_stat) != _owner_ids(new.stat()):
        _copy_owner(new, old_stat)
    new.chmod(old_stat.st_mode & 0o777)


def _owner_ids(file_stat: os.stat_result) -> tuple[int, int]:
    return file_stat.st_uid, file_stat.st_gid


def _copy_owner(new: Path, old_stat: os.stat_result) -> None:
    """Set the old file's owner, or at least its group, if this process may.

    Raise `PermissionError` if it may not and other users cannot read the file, because then its
    server could no longer read it.
    """
    for owner in (old_stat.st_uid, -1):
        try:
            os.chown(new, owner, old_stat.st_gid)
        except PermissionError:
            continue
        return
    if not old_stat.st_mode & 0o004:
        raise PermissionError(errno.EPERM, "its owner and group cannot be kept; run as its owner")


def find_leftovers(path: Path) -> list[Path]:
    """Return the temporary files beside `path` that killed processes left.

    The name of a temporary file has the number of its process; the files of living ones are in use.
    """
    path = Path(os.path.realpath(path))
    # The form of names that tempfile creates from a prefix and a suffix.
    suffix = re.escape(_TEMPORARY_SUFFIX)
    pattern = re.compile(rf"\.{re.escape(path.name)}\.(?:(\d+)-)?[a-z0-9_]{{8}}{suffix}")
    try:
        names = sorted(entry.name for entry in path.parent.iterdir())
    except OSError:
        return []
    matches = filter(None, map(pattern.fullmatch, names))
    return [path.with_name(match[0]) for match in matches if not _is_alive(match[1])]


def _is_alive(process: str | None) -> bool:
    """Return whether a process with this number works; earlier versions wrote no number."""
    try:
        os.kill(int(process or ""), 0)
    except (ValueError, OverflowError, ProcessLookupError):
        return False
    except PermissionError:  # of another user
        return True
    return True


def remove_leftovers(path: Path) -> None:
    """Remove the leftovers beside `path`."""
    for leftover in find_leftovers(path):
        with suppress(OSError):
            leftover.unlink()


def stat_fingerprint(
    file_stat: os.stat_result, settle_seconds: float = _SETTLE_SECONDS
) -> str | None:
    """Return a text that changes when a file changes, without reading the file.

    None for a device or a pipe, and for a file that was written within the last `settle_seconds`.
    """
    if not stat.S_ISREG(file_stat.st_mode) or time.time() - file_stat.st_mtime < settle_seconds:
        return None
    return f"{file_stat.st_ino}-{file_stat.st_size}-{file_stat.st_mtime_ns}-{file_stat.st_ctime_ns}"


def _refuse_non_file(path: Path) -> None:
    """Fail early, before any work, and never replace a device such as /dev/null."""
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
