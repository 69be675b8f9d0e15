"""Lock what one process at a time may do: path of a lock file -> held lock, or its holder.

Three kinds of locks are beside the database. The *job lock* lets one long command work at a time.
The *publication lock* lets one decision at a time publish a release. An *export lock* lets one
process at a time install the file of an export; a hot zone is an export of its own. The kernel
frees a lock when its holder dies.

Nobody waits for the lock of an export while it holds the lock of a hot zone. So no two processes
wait for each other.
"""

import fcntl
import os
import pwd
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TextIO

from blocklist.errors import LockHeld, StorageError
from blocklist.ledger.db.timestamps import current_timestamp

#: How many seconds to wait for a publication: judging and verifying a list of millions.
PUBLICATION_WAIT_SECONDS = 180
#: How many seconds to wait for an install: a server loads a large file within its timeouts.
EXPORT_WAIT_SECONDS = 120

_PAUSE_SECONDS = 0.05


def lock_path(database: Path) -> Path:
    """Return where the job lock of a database is."""
    return database.with_name(f"{database.name}.lock")


def publication_lock_path(database: Path) -> Path:
    """Return where the publication lock of a database is."""
    return database.with_name(f"{database.name}.publication.lock")


def export_lock_path(database: Path, export: str) -> Path:
    """Return where the lock of an export of a database is."""
    return database.with_name(f"{database.name}.export-{export}.lock")


def hold_writer_lock(
    database: Path, command: str, wait_seconds: float = 0
) -> AbstractContextManager[None]:
    """Hold the job lock of a database; without waiting unless `wait_seconds` is given.

    Raise `LockHeld` (exit 5) with the holder's process and command, and since when it works.
    """
    return _hold_lock(lock_path(database), str(database), command, wait_seconds)


def hold_publication_lock(database: Path, command: str) -> AbstractContextManager[None]:
    """Hold the publication lock of a database; wait for it, or raise `LockHeld`."""
    path, what = publication_lock_path(database), f"{database}: publishing a release"
    return _hold_lock(path, what, command, PUBLICATION_WAIT_SECONDS)


def hold_export_lock(database: Path, export: str, command: str) -> AbstractContextManager[None]:
    """Hold the lock of an export of a database; wait for it, or raise `LockHeld`."""
    path = export_lock_path(database, export)
    return _hold_lock(path, f"export {export}", command, EXPORT_WAIT_SECONDS)


@contextmanager
def _hold_lock(path: Path, what: str, command: str, wait_seconds: float) -> Iterator[None]:
    """Hold the lock at a path; `what` it protects is named by the error."""
    with _open_lock_file(path) as file:
        # It is tried twice at least, because `_find_holder` takes a free lock for an instant.
        deadline = time.monotonic() + max(wait_seconds, _PAUSE_SECONDS)
        while not _take_lock(file, path):
            if time.monotonic() >= deadline:
                message = f"{what}: in use by {_read_holder(file)}; try again when it has ended"
                raise LockHeld(message)
            time.sleep(_PAUSE_SECONDS)
        file.truncate(0)
        file.write(f"process {os.getpid()} ({command}) since {current_timestamp()}\n")
        file.flush()
        yield


def _open_lock_file(path: Path) -> TextIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StorageError(
            f"{path}: the lock file cannot be opened by user {_name_user()}: "
            f"{error.strerror or error}; run this as the user who owns the database"
        ) from None
    return os.fdopen(handle, "r+", errors="replace")


def _name_user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container's user need not have a name
        return str(os.geteuid())


def _take_lock(file: TextIO, path: Path) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:  # a network file system without locks
        raise StorageError(f"{path}: cannot be locked: {error.strerror}") from None
    return True


def find_lock_holder(database: Path) -> str | None:
    """Return the process and command that hold the job lock just now, or None."""
    return _find_holder(lock_path(database))


def find_publisher(database: Path) -> str | None:
    """Return the process and command that hold the publication lock just now, or None."""
    return _find_holder(publication_lock_path(database))


def find_export_holder(database: Path, export: str) -> str | None:
    """Return the process and command that hold the lock of an export just now, or None."""
    return _find_holder(export_lock_path(database, export))


def _find_holder(path: Path) -> str | None:
    try:
        with path.open(errors="replace") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _read_holder(file)
    except OSError:  # no lock was ever taken, or it is not ours to see
        return None
    return None


def _read_holder(file: TextIO) -> str:
    file.seek(0)
    return file.read().strip() or "another process"
