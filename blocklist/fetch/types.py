"""Types of fetching: requests, results, progress callbacks and errors with a cause for a person.

A URL may hold a password, so only its hash is stored.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from blocklist.config.feeds import FORMAT_BY_SCHEME, Feed, url_scheme
from blocklist.model import NO_VALIDATORS, Validators

#: Told the feed's name, how many bytes came, and how many are to come where that is known.
FeedProgressCallback = Callable[[str, int, int | None], None]


class FetchError(Exception):
    """A feed could not be fetched; the text says what and why, for a person."""

    #: Whether something was had that is not to be taken, where others could not be had at all.
    is_refusal = False

    def __init__(self, cause: str, *, again: bool = False, wait: float | None = None) -> None:
        """`again`: whether another try may help, and after how many seconds the server says."""
        super().__init__(cause)
        self.can_retry = again
        self.retry_after = wait


class ContentRefused(FetchError):
    """What was sent is no list: too large, cut off, wrongly packed."""

    is_refusal = True


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """A feed's list that is wanted from one of its URLs, and what is had of it already."""

    feed: Feed
    url: str
    validators: Validators
    #: The list that `known` is about.
    base: Path | None
    max_bytes: int


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


#: Returns what came of a fetch that has ended, or raises why nothing did.
PendingResult = Callable[[], FetchResult]


def join_errors(errors: list[FetchError]) -> FetchError:
    """Return one error for all mirrors; to wait helps only where every one of them says so."""
    kind = ContentRefused if any(error.is_refusal for error in errors) else FetchError
    waits = [error.retry_after for error in errors if error.retry_after is not None]
    wait = min(waits) if len(waits) == len(errors) else None
    return kind("; ".join(map(str, errors)), wait=wait)


def is_remote_url(url: str) -> bool:
    """Whether a URL leads to a server."""
    return url_scheme(url) in ("http", "https", *FORMAT_BY_SCHEME)


def is_incremental_url(url: str) -> bool:
    """Whether a server can tell what changed since the last time."""
    return url_scheme(url) in FORMAT_BY_SCHEME


def hash_url(url: str) -> str:
    """Return a short hash of a URL."""
    return hashlib.sha256(url.encode()).hexdigest()[:16]
