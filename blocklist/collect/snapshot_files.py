"""Store snapshot files beside the ledger: refused bodies, and bases for incremental fetches."""

import hashlib
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from blocklist.atomic_files import write_atomically
from blocklist.errors import StorageError

#: Enough to see what it was.
_MAX_REFUSED_BYTES = 10 << 20


def feed_file_path(database: Path, feed: str, what: str = "refused") -> Path:
    """Return where something of a feed is kept; a feed may have any name."""
    name = quote(feed, safe="").replace(".", "%2E")[:200]
    return database.with_name(f"{database.name}.{what}") / name


def save_refused_body(database: Path, feed: str, body: bytes) -> None:
    """Keep the first bytes of a refused body, in place of the last; where it cannot be, go on."""
    with suppress(StorageError):
        write_atomically(feed_file_path(database, feed), [body[:_MAX_REFUSED_BYTES]])


def remove_refused_body(database: Path, feed: str) -> None:
    """Remove what is kept of a feed, for it is good again."""
    with suppress(OSError):
        feed_file_path(database, feed).unlink(missing_ok=True)
        feed_file_path(database, feed).parent.rmdir()


def save_delta_base(database: Path, feed: str, body: bytes) -> None:
    """Keep a list that its server will tell the differences to; without it all is had anew."""
    with suppress(StorageError):
        write_atomically(feed_file_path(database, feed, "bases"), [body])


def find_delta_base(database: Path, feed: str, digest: str) -> Path | None:
    """Return where the list with this SHA-256 is, if it is still as it was."""
    path = feed_file_path(database, feed, "bases")
    try:
        with path.open("rb") as file:
            same = hashlib.file_digest(file, "sha256").hexdigest() == digest
    except OSError:
        return None
    return path if same else None
