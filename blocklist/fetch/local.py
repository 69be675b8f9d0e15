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

#: A larger list is considered a mistake or an attack.
MAX_LIST_BYTES = 1 << 30


def read_first_file(paths: tuple[str, ...], max_bytes: int, validators: Validators) -> FetchResult:
    """Return the first file that can be read; raise `FetchError` if none can."""
    errors = []
    for path in paths:
        try:
            return read_local_file(path, max_bytes, validators=validators)
        except FetchError as error:
            errors.append(error)
    raise join_errors(errors)


def read_local_file(
    url: str,
    max_bytes: int = MAX_LIST_BYTES,
    hash_names: tuple[str, ...] = (),
    validators: Validators = NO_VALIDATORS,
) -> FetchResult:
    """Return the decompressed content of a local file, or no body if `validators` still match.

    `hash_names` are the hashes to compute of the file and of its content. Raise `FetchError` if the
    file cannot be read, `ContentRefused` if it is not a list.
    """
    path = _local_path(url)
    try:
        with path.open("rb") as file:  # a device or a pipe has no size
            current = Validators(
                etag=stat_fingerprint(os.fstat(file.fileno())), source=hash_url(url)
            )
            if current.etag and (current.etag, current.source) == (
                validators.etag,
                validators.source,
            ):
                return FetchResult(None, url, current)
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
    digests = {
        hashlib.new(name, content).hexdigest() for name in hash_names for content in (raw, body)
    }
    return FetchResult(body, url, current, digests=frozenset(digests))


def _decompress_file(path: Path, raw: bytes, max_bytes: int) -> bytes:
    from blocklist.fetch.decompress import ZIP_MAGIC, read_zip_member

    decompressor = StreamDecompressor(max_bytes)
    try:
        if raw.startswith(ZIP_MAGIC):
            return b"".join(read_zip_member(path, max_bytes))
        body = b"".join([*decompressor.decompress_piece(raw), *decompressor.finish()])
    except ContentRefused as error:
        raise ContentRefused(f"{path}: {error}") from None
    return raw if len(body) == len(raw) else body


def _local_path(url: str) -> Path:
    if "://" not in url:
        return Path(url)
    if not url.lower().startswith("file://"):
        expected = "a path, file://, http(s)://, axfr://, misp+http(s):// or taxii+http(s)://"
        raise FetchError(
            f"{redact_url(url)}: {url_scheme(url)}:// cannot be fetched; expected {expected}"
        )
    host, slash, path = url.partition("://")[2].partition("/")
    if host.lower() not in ("", "localhost"):
        raise FetchError(f"{url}: file:// reads this machine only; write file:///path")
    return Path(unquote(slash + path))
