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

#: Fetch a small file that a feed names, such as a list of digests.
SideFileFetcher = Callable[[str], Awaitable[bytes]]


class BodyHashes:
    """Hashes of a body that is processed in pieces."""

    def __init__(self, names: Iterable[str]) -> None:
        self._hashes = [hashlib.new(name) for name in names]

    def update(self, piece: bytes) -> None:
        """Add the next piece."""
        for digest in self._hashes:
            digest.update(piece)

    def digests(self) -> set[str]:
        """Return the hexadecimal digests of all pieces; the length of a digest shows its kind."""
        return {digest.hexdigest() for digest in self._hashes}


def hash_names(feed: Feed) -> tuple[str, ...]:
    """Return the names of the hashes that are needed to verify a feed's list."""
    settings = {"sha256": feed.sha256, "blake2b": feed.minisign}
    return tuple(name for name, setting in settings.items() if setting)


async def verify_integrity(
    feed: Feed,
    url: str,
    digests: frozenset[str],
    read_body: Callable[[], bytes],
    fetch_side_file: SideFileFetcher,
) -> None:
    """Raise `ContentRefused` unless a list has the SHA-256 and signature that the feed demands.

    `digests` are those of the list as published and of its content. `read_body` is called only if a
    signature covers the list itself.
    """
    if feed.sha256 and await _find_sha256(feed, url, fetch_side_file) not in digests:
        raise ContentRefused(
            f"{redact_url(url)}: its SHA-256 is not the one of {_digest_origin(feed)}"
        )
    if feed.minisign:
        await _verify_minisign(feed, url, digests, read_body, fetch_side_file)


async def _find_sha256(feed: Feed, url: str, fetch_side_file: SideFileFetcher) -> str:
    """Return the SHA-256 that the feed's list must have, in hexadecimal."""
    if is_digest(feed.sha256):
        return feed.sha256.lower()
    text = (await fetch_side_file(feed.sha256)).decode(errors="replace")
    name = url.partition("?")[0].rpartition("/")[2]
    lines = [line for line in text.splitlines() if _SHA256_HEX.search(line)]
    exact_matches = [line for line in lines if name and _is_for_file(line, name)]
    candidates = exact_matches or [line for line in lines if name and name in line] or lines
    if not candidates or (len(candidates) > 1 and candidates is lines):
        raise FetchError(f"{_digest_origin(feed)} has no SHA-256 of {name}")
    match = _SHA256_HEX.search(candidates[0])
    assert match
    return match[0].lower()


def _is_for_file(line: str, name: str) -> bool:
    """Return whether a line is about a file: `DIGEST NAME`, also with `*` or a folder before it."""
    words = re.split(r"[\s*()]+", line)
    return any(word.rpartition("/")[2] == name for word in words)


def _digest_origin(feed: Feed) -> str:
    return f"{feed.config_key}.sha256" if is_digest(feed.sha256) else redact_url(feed.sha256)


async def _verify_minisign(
    feed: Feed,
    url: str,
    digests: frozenset[str],
    read_body: Callable[[], bytes],
    fetch_side_file: SideFileFetcher,
) -> None:
    signature_url = feed.signature or _signature_url(url)
    try:
        text = await fetch_side_file(signature_url)
    except FetchError as error:
        raise ContentRefused(f"its signature cannot be fetched: {error}") from None
    blake2b = frozenset(digest for digest in digests if len(digest) == 128)
    try:
        verify_signature(feed.minisign, parse_signature(text), blake2b, read_body)
    except ContentRefused as error:
        raise ContentRefused(f"{redact_url(signature_url)} {error}") from None


def _signature_url(url: str) -> str:
    """Return the URL where minisign stores a file's signature: beside the file."""
    if "://" not in url:
        return f"{url}.minisig"
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path}.minisig"))
