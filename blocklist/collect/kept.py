"""Refused bodies, kept beside the ledger for a person to look at."""

from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from blocklist.errors import UsageError
from blocklist.files import write_atomically

#: Enough to see what it was.
_MOST = 10 << 20


def place(database: Path, feed: str) -> Path:
    """Return where the refused body of a feed is kept; a feed may have any name."""
    name = quote(feed, safe="").replace(".", "%2E")[:200]
    return database.with_name(f"{database.name}.refused") / name


def keep(database: Path, feed: str, body: bytes) -> None:
    """Keep the first bytes of a body, in place of the last one; where it cannot be, go on."""
    with suppress(UsageError):
        write_atomically(place(database, feed), [body[:_MOST]])


def remove(database: Path, feed: str) -> None:
    """Remove what is kept of a feed, for it is good again."""
    with suppress(OSError):
        place(database, feed).unlink(missing_ok=True)
        place(database, feed).parent.rmdir()
