"""Store snapshot files beside the ledger: refused bodies, and bases for incremental fetches."""

import hashlib
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from blocklist.atomic_files import write_atomically
from blocklist.errors import StorageError

#: Enough to recognize the content.
_MAX_REFUSED_BYTES = 10 << 20


def feed_file_path(database: Path, feed: str, kind: str = "refused") -> Path:
    """Return the path of a feed's file of one kind; the feed may have any name."""
    name = quote(feed, safe="").replace(".", "%2E")[:200]
    return database.with_name(f"{database.name}.{kind}") / name


def save_refused_body(database: Path, feed: str, body: bytes) -> None:
    """Store the first bytes of a refused body in place of the last one; ignore storage errors."""
    with suppress(StorageError):
        write_atomically(feed_file_path(database, feed), [body[:_MAX_REFUSED_BYTES]])


def remove_refused_body(database: Path, feed: str) -> None:
    """Remove the stored refused body of a feed that was fetched successfully."""
    with suppress(OSError):
        feed_file_path(database, feed).unlink(missing_ok=True)
        feed_file_path(database, feed).parent.rmdir()


def save_delta_base(database: Path, feed: str, body: bytes) -> None:
    """Store a list as the base of the next incremental fetch.

    Storage errors are ignored, because the complete list can be fetched instead.
    """
    with suppress(StorageError):
        write_atomically(feed_file_path(database, feed, "bases"), [body])


def find_delta_base(database: Path, feed: str, digest: str) -> Path | None:
    """Return the path of the stored list, or None if it is missing or has another SHA-256."""
    path = feed_file_path(database, feed, "bases")
    try:
        with path.open("rb") as file:
            is_current = hashlib.file_digest(file, "sha256").hexdigest() == digest
    except OSError:
        return None
    return path if is_current else None
