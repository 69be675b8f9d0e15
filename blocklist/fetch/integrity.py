"""Verify the integrity of a list before it is parsed: SHA-256 and minisign signature."""

import hashlib
import re
from collections.abc import Awaitable, Callable, Iterable
from urllib.parse import urlsplit, urlunsplit

from blocklist.config.feeds import Feed, is_digest
from blocklist.fetch.credentials import redact_url
from blocklist.fetch.minisign import parse_signature, verify_signature
from blocklist.fetch.types import ContentRefused, FetchError

_SHA256_HEX = re.compile(r"\b[0-9a-fA-F]{64}\b")

#: Gives a small file that a feed names, such as one of digests.
SideFileFetcher = Callable[[str], Awaitable[bytes]]


class BodyHashes:
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


def hash_names(feed: Feed) -> tuple[str, ...]:
    """Return the names of the hashes that are wanted of a feed's list."""
    named = {"sha256": feed.sha256, "blake2b": feed.minisign}
    return tuple(name for name, wanted in named.items() if wanted)


async def verify_integrity(
    feed: Feed,
    url: str,
    digests: frozenset[str],
    body: Callable[[], bytes],
    beside: SideFileFetcher,
) -> None:
    """Raise `Unacceptable` unless a list is what the feed says that it must be.

    `digests` are those of the list as published and of what was in it.
    """
    if feed.sha256 and await _find_sha256(feed, url, beside) not in digests:
        raise ContentRefused(
            f"{redact_url(url)}: its SHA-256 is not the one of {_digest_origin(feed)}"
        )
    if feed.minisign:
        await _verify_minisign(feed, url, digests, body, beside)


async def _find_sha256(feed: Feed, url: str, beside: SideFileFetcher) -> str:
    """Return the digest that the feed's list must have."""
    if is_digest(feed.sha256):
        return feed.sha256.lower()
    text = (await beside(feed.sha256)).decode(errors="replace")
    name = url.partition("?")[0].rpartition("/")[2]
    lines = [line for line in text.splitlines() if _SHA256_HEX.search(line)]
    own = [line for line in lines if name and _is_for_file(line, name)]
    named = own or [line for line in lines if name and name in line] or lines
    if not named or (len(named) > 1 and named is lines):
        raise FetchError(f"{_digest_origin(feed)} says no SHA-256 of {name}")
    found = _SHA256_HEX.search(named[0])
    assert found
    return found[0].lower()


def _is_for_file(line: str, name: str) -> bool:
    """Whether a line is of a file: `DIGEST  NAME`, also with `*` or a folder before the name."""
    words = re.split(r"[\s*()]+", line)
    return any(word.rpartition("/")[2] == name for word in words)


def _digest_origin(feed: Feed) -> str:
    return f"{feed.config_key}.sha256" if is_digest(feed.sha256) else redact_url(feed.sha256)


async def _verify_minisign(
    feed: Feed,
    url: str,
    digests: frozenset[str],
    body: Callable[[], bytes],
    beside: SideFileFetcher,
) -> None:
    place = feed.signature or _signature_url(url)
    try:
        text = await beside(place)
    except FetchError as error:
        raise ContentRefused(f"its signature is not to be had: {error}") from None
    blake2b = frozenset(digest for digest in digests if len(digest) == 128)
    try:
        verify_signature(feed.minisign, parse_signature(text), blake2b, body)
    except ContentRefused as error:
        raise ContentRefused(f"{redact_url(place)} {error}") from None


def _signature_url(url: str) -> str:
    """Return where minisign puts the signature of a file: beside it."""
    if "://" not in url:
        return f"{url}.minisig"
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path}.minisig"))
