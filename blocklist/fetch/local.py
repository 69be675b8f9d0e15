"""The door to a feed's bytes: paths and `file://` here, all else through `remote`."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote

from blocklist.atomic_files import stat_fingerprint
from blocklist.config.feeds import FORMAT_BY_SCHEME, Feed, url_scheme
from blocklist.config.sections import CollectConfig
from blocklist.fetch.credentials import redact_url
from blocklist.fetch.decompress import StreamDecompressor
from blocklist.fetch.integrity import hash_names
from blocklist.fetch.source import hash_url
from blocklist.fetch.types import ContentRefused, FetchError
from blocklist.ledger.feeds.health import NO_VALIDATORS, Validators

#: A list larger than this is taken for a mistake or an attack.
MAX_LIST_BYTES = 1 << 30
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class FetchResult:
    """What a fetch gave: a list, or that it is as it was."""

    #: None when a server says that nothing changed.
    body: bytes | None
    #: The URL that answered.
    url: str
    validators: Validators = NO_VALIDATORS
    #: As the server says it, without parameters; empty for files.
    content_type: str = ""
    #: Of the file as published and of what was in it, as far as they are wanted.
    digests: frozenset[str] = frozenset()

    def read_body(self) -> bytes:
        """Return the body."""
        assert self.body is not None
        return self.body


def is_remote_url(url: str) -> bool:
    """Whether a URL leads to a server."""
    return url_scheme(url) in ("http", "https", *FORMAT_BY_SCHEME)


def is_incremental_url(url: str) -> bool:
    """Whether a server can tell what changed since the last time."""
    return url_scheme(url) in FORMAT_BY_SCHEME


def fetch_bytes(urls: tuple[str, ...], settings: CollectConfig | None = None) -> bytes:
    """Return the bytes of the first of the mirrors that answers; raise `FetchError` when none."""
    settings = settings or CollectConfig(max_bytes=MAX_LIST_BYTES)
    body = fetch_feed(Feed("", urls, ""), settings).body
    assert body is not None  # nothing was known of it, so no server can call it unchanged
    return body


def fetch_feed(
    feed: Feed, settings: CollectConfig, known: Validators = NO_VALIDATORS
) -> FetchResult:
    """Return the first answer of a feed's mirrors; raise `FetchError` when none answers.

    A file that is as it is `known` is not read again.
    """
    if is_local_feed(feed):
        return _read_first_file(feed.urls, feed.max_bytes or settings.max_bytes, known)
    from blocklist.fetch.session import FetchSession

    with (
        TemporaryDirectory(prefix="blocklist-") as scratch,
        FetchSession(settings, Path(scratch)) as door,
    ):
        return door.start_fetch(feed, NO_VALIDATORS).result()()


def is_local_feed(feed: Feed) -> bool:
    """Whether a feed can be had without a network, and at once."""
    return not hash_names(feed) and not any(map(is_remote_url, feed.urls))


def _read_first_file(paths: tuple[str, ...], max_bytes: int, known: Validators) -> FetchResult:
    errors = []
    for path in paths:
        try:
            return read_local_file(path, max_bytes, known=known)
        except FetchError as error:
            errors.append(error)
    raise join_errors(errors)


def join_errors(errors: list[FetchError]) -> FetchError:
    """Return one error for all mirrors; to wait helps only where every one of them says so."""
    kind = ContentRefused if any(error.is_refusal for error in errors) else FetchError
    waits = [error.retry_after for error in errors if error.retry_after is not None]
    wait = min(waits) if len(waits) == len(errors) else None
    return kind("; ".join(map(str, errors)), wait=wait)


def read_local_file(
    url: str,
    max_bytes: int = MAX_LIST_BYTES,
    wanted: tuple[str, ...] = (),
    known: Validators = NO_VALIDATORS,
) -> FetchResult:
    """Return what is in a file of this machine, unpacked, unless it is as it is known."""
    path = _local_path(url)
    try:
        with path.open("rb") as file:  # a device or a pipe has no size to ask for
            said = Validators(etag=stat_fingerprint(os.fstat(file.fileno())), source=hash_url(url))
            if said.etag and (said.etag, said.source) == (known.etag, known.source):
                return FetchResult(None, url, said)
            raw = file.read(max_bytes + 1)
        if len(raw) > max_bytes:
            raise FetchError(f"{path}: more than {max_bytes:,} bytes, which no list has")
        body = _decompress_file(path, raw, max_bytes)
    except FileNotFoundError:
        raise FetchError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise FetchError(f"{path}: is a folder, not a list") from None
    except OSError as error:
        raise FetchError(f"{path}: cannot be read: {error.strerror or error}") from None
    except ValueError:
        raise FetchError(f"{url!r}: no path can have a NUL in it") from None
    digests = {hashlib.new(name, content).hexdigest() for name in wanted for content in (raw, body)}
    return FetchResult(body, url, said, digests=frozenset(digests))


def _decompress_file(path: Path, raw: bytes, max_bytes: int) -> bytes:
    from blocklist.fetch.decompress import ZIP_MAGIC
    from blocklist.fetch.zipped import read_zip_member

    unpacker = StreamDecompressor(max_bytes)
    try:
        if raw.startswith(ZIP_MAGIC):
            return b"".join(read_zip_member(path, max_bytes))
        body = b"".join([*unpacker.decompress_piece(raw), *unpacker.finish()])
    except ContentRefused as error:
        raise ContentRefused(f"{path}: {error}") from None
    return raw if len(body) == len(raw) else body


def _local_path(url: str) -> Path:
    if "://" not in url:
        return Path(url)
    if not url.lower().startswith("file://"):
        known = "a path, file://, http(s)://, axfr://, misp+http(s):// or taxii+http(s)://"
        raise FetchError(
            f"{redact_url(url)}: {url_scheme(url)}:// cannot be fetched; expected {known}"
        )
    host, slash, path = url.partition("://")[2].partition("/")
    if host.lower() not in ("", "localhost"):
        raise FetchError(f"{url}: file:// reads this machine only; write file:///path")
    return Path(unquote(slash + path))


#: Returns what came of a fetch that has ended, or raises why nothing did.
PendingResult = Callable[[], FetchResult]
