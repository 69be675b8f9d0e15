"""The one door to a feed's bytes. Local paths and `file://` today; other schemes plug in here."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

#: A list larger than this is taken for a mistake or an attack.
MAX_BYTES = 1 << 30


class FetchError(Exception):
    """A feed could not be fetched; the text says what and why, for a person."""


def fetch(urls: tuple[str, ...]) -> bytes:
    """Return the bytes of the first of the mirrors that answers; raise `FetchError` when none."""
    causes = []
    for url in urls:
        scheme = url.partition("://")[0].lower() if "://" in url else "file"
        try:
            if scheme not in _OPENERS:
                raise FetchError(f"{url}: {scheme}:// cannot be fetched yet, only local files")
            return _OPENERS[scheme](url)
        except FetchError as error:
            causes.append(str(error))
    raise FetchError("; ".join(causes))


def _local(url: str) -> bytes:
    path = _path(url)
    try:
        with path.open("rb") as file:  # a device or a pipe has no size to ask for
            body = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise FetchError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise FetchError(f"{path}: is a folder, not a list") from None
    except OSError as error:
        raise FetchError(f"{path}: cannot be read: {error.strerror or error}") from None
    except ValueError:
        raise FetchError(f"{url!r}: no path can have a NUL in it") from None
    if len(body) > MAX_BYTES:
        raise FetchError(f"{path}: more than {MAX_BYTES:,} bytes, which no list has")
    return body


def _path(url: str) -> Path:
    if "://" not in url:
        return Path(url)
    host, slash, path = url.partition("://")[2].partition("/")
    if host.lower() not in ("", "localhost"):
        raise FetchError(f"{url}: file:// reads this machine only; write file:///path")
    return Path(unquote(slash + path))


_OPENERS: dict[str, Callable[[str], bytes]] = {"file": _local}
