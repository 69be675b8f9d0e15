"""One writer at a time: a lock beside the database that says who holds it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from blocklist.errors import LockHeld, UsageError


@contextmanager
def writer(database: Path, command: str) -> Iterator[None]:
    """Hold the writer's lock; raise `LockHeld` (exit 5) with the holder's process and command.

    The kernel frees the lock when its holder dies, however it dies.
    """
    path = database.with_name(database.name + ".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        message = f"{path}: the ledger's lock cannot be written: {error.strerror or error}"
        raise UsageError(message) from None
    with os.fdopen(handle, "r+", errors="replace") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = file.read().strip() or "another process"
            message = f"{database}: in use by {holder}; try again when it has ended"
            raise LockHeld(message) from None
        except OSError as error:  # a network file system without locks
            raise UsageError(f"{path}: cannot be locked: {error.strerror}") from None
        file.truncate()
        file.write(f"process {os.getpid()} ({command})\n")
        file.flush()
        yield
