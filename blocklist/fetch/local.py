"""Fetch from this machine: a path or `file://` -> body, validators and digests."""

import hashlib
import os
from pathlib import Path
from urllib.parse import unquote

from blocklist.atomic_files import stat_fingerprint
from blocklist.config.feeds import url_scheme
from blocklist.fetch.credentials import redact_url
from blocklist.fetch.decompress import StreamDecompressor
from blocklist.fetch.types import ContentRefused, FetchError, FetchResult, hash_url, join_errors
from blocklist.model import NO_VALIDATORS, Validators

#: A list larger than this is taken for a mistake or an attack.
MAX_LIST_BYTES = 1 << 30


def read_first_file(paths: tuple[str, ...], max_bytes: int, known: Validators) -> FetchResult:
    """Return the first of the files that can be read; raise `FetchError` when none can."""
    errors = []
    for path in paths:
        try:
            return read_local_file(path, max_bytes, known=known)
        except FetchError as error:
            errors.append(error)
    raise join_errors(errors)


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
    from blocklist.fetch.decompress import ZIP_MAGIC, read_zip_member

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
