"""Allow one writer at a time: a lock file beside the database names its holder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from blocklist.errors import LockHeld, StorageError


def lock_path(database: Path) -> Path:
    """Return where the lock of a database is."""
    return database.with_name(database.name + ".lock")


@contextmanager
def hold_writer_lock(database: Path, command: str) -> Iterator[None]:
    """Hold the writer's lock; raise `LockHeld` (exit 5) with the holder's process and command.

    The kernel frees the lock when its holder dies, however it dies.
    """
    path = lock_path(database)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        message = f"{path}: the ledger's lock cannot be written: {error.strerror or error}"
        raise StorageError(message) from None
    with os.fdopen(handle, "r+", errors="replace") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"{database}: in use by {_read_holder(file)}; try again when it has ended"
            raise LockHeld(message) from None
        except OSError as error:  # a network file system without locks
            raise StorageError(f"{path}: cannot be locked: {error.strerror}") from None
        file.truncate()
        file.write(f"process {os.getpid()} ({command})\n")
        file.flush()
        yield


def find_lock_holder(database: Path) -> str | None:
    """Return the process and command that hold the writer's lock just now, or None."""
    try:
        with lock_path(database).open(errors="replace") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _read_holder(file)
    except OSError:  # no lock was ever taken, or it is not ours to see
        return None
    return None


def _read_holder(file: TextIO) -> str:
    return file.read().strip() or "another process"
