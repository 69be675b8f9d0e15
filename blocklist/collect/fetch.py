"""The one door to a feed's bytes. Local paths and `file://` today; other schemes plug in here."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: A list larger than this is taken for a mistake or an attack.
MAX_BYTES = 1 << 30


class FetchError(Exception):
    """A feed could not be fetched; the text says what and why, for a person."""


def fetch(urls: tuple[str, ...]) -> bytes:
    """Return the bytes of the first of the mirrors that answers; raise `FetchError` when none."""
    causes = []
    for url in urls:
        scheme = urlsplit(url).scheme if "://" in url else "file"
        try:
            if scheme not in _OPENERS:
                raise FetchError(f"{url}: {scheme}:// cannot be fetched yet, only local files")
            return _OPENERS[scheme](url)
        except FetchError as error:
            causes.append(str(error))
    raise FetchError("; ".join(causes))


def _local(url: str) -> bytes:
    path = Path(unquote(urlsplit(url).path)) if url.startswith("file://") else Path(url)
    try:
        if path.is_dir():
            raise FetchError(f"{path}: is a folder, not a list")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise FetchError(f"{path}: {size:,} bytes, more than the {MAX_BYTES:,} of any list")
        return path.read_bytes()
    except FileNotFoundError:
        raise FetchError(f"{path}: no such file") from None
    except OSError as error:
        raise FetchError(f"{path}: cannot be read: {error.strerror or error}") from None


_OPENERS: dict[str, Callable[[str], bytes]] = {"file": _local}
