"""What a list must hash to, or be signed with, before anybody looks into it."""

import hashlib
import re
from collections.abc import Awaitable, Callable, Iterable
from urllib.parse import urlsplit, urlunsplit

from blocklist.catalogue import Feed, is_digest
from blocklist.collect import minisign
from blocklist.collect.errors import FetchError, Unacceptable
from blocklist.collect.secret import shown

_DIGEST = re.compile(r"\b[0-9a-fA-F]{64}\b")

#: Gives a small file that a feed names, such as one of digests.
Beside = Callable[[str], Awaitable[bytes]]


class Hashes:
    """The digests of a body that goes by in pieces, as far as the feed needs any."""

    def __init__(self, names: Iterable[str]) -> None:
        self._hashes = [hashlib.new(name) for name in names]

    def update(self, piece: bytes) -> None:
        """Take the next piece."""
        for each in self._hashes:
            each.update(piece)

    def digests(self) -> set[str]:
        """Return what all pieces hash to; the length of a digest tells its kind."""
        return {each.hexdigest() for each in self._hashes}


def hashes(feed: Feed) -> tuple[str, ...]:
    """Return the names of the hashes that are wanted of a feed's list."""
    named = {"sha256": feed.sha256, "blake2b": feed.minisign}
    return tuple(name for name, wanted in named.items() if wanted)


async def prove(
    feed: Feed, url: str, digests: frozenset[str], body: Callable[[], bytes], beside: Beside
) -> None:
    """Raise `Unacceptable` unless a list is what the feed says that it must be.

    `digests` are those of the list as published and of what was in it.
    """
    if feed.sha256 and await _sha256(feed, url, beside) not in digests:
        raise Unacceptable(f"{shown(url)}: its SHA-256 is not the one of {_says(feed)}")
    if feed.minisign:
        await _signed(feed, url, digests, body, beside)


async def _sha256(feed: Feed, url: str, beside: Beside) -> str:
    """Return the digest that the feed's list must have."""
    if is_digest(feed.sha256):
        return feed.sha256.lower()
    text = (await beside(feed.sha256)).decode(errors="replace")
    name = url.partition("?")[0].rpartition("/")[2]
    lines = [line for line in text.splitlines() if _DIGEST.search(line)]
    own = [line for line in lines if name and _is_of(line, name)]
    named = own or [line for line in lines if name and name in line] or lines
    if not named or (len(named) > 1 and named is lines):
        raise FetchError(f"{_says(feed)} says no SHA-256 of {name}")
    found = _DIGEST.search(named[0])
    assert found
    return found[0].lower()


def _is_of(line: str, name: str) -> bool:
    """Whether a line is of a file: `DIGEST  NAME`, also with `*` or a folder before the name."""
    words = re.split(r"[\s*()]+", line)
    return any(word.rpartition("/")[2] == name for word in words)


def _says(feed: Feed) -> str:
    return f"{feed.key}.sha256" if is_digest(feed.sha256) else shown(feed.sha256)


async def _signed(
    feed: Feed, url: str, digests: frozenset[str], body: Callable[[], bytes], beside: Beside
) -> None:
    place = feed.signature or _minisig(url)
    try:
        text = await beside(place)
    except FetchError as error:
        raise Unacceptable(f"its signature is not to be had: {error}") from None
    blake2b = frozenset(digest for digest in digests if len(digest) == 128)
    try:
        minisign.verify(feed.minisign, minisign.read(text), blake2b, body)
    except Unacceptable as error:
        raise Unacceptable(f"{shown(place)} {error}") from None


def _minisig(url: str) -> str:
    """Return where minisign puts the signature of a file: beside it."""
    if "://" not in url:
        return f"{url}.minisig"
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path}.minisig"))
