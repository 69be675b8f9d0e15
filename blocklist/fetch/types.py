"""Types of fetching: requests, results, progress callbacks and errors with a cause for a person.

A URL may contain a password, so only its hash is stored.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from blocklist.config.feeds import FORMAT_BY_SCHEME, Feed, url_scheme
from blocklist.model import NO_VALIDATORS, Validators

#: Called with the feed's name, the bytes received, and the bytes expected, if known.
FeedProgressCallback = Callable[[str, int, int | None], None]


class FetchError(Exception):
    """A feed could not be fetched; the message says what failed and why, for a person."""

    #: Whether content was received and refused; otherwise nothing was received.
    is_refusal = False

    def __init__(
        self,
        cause: str,
        *,
        can_retry: bool = False,
        retry_after: float | None = None,
        is_unreachable: bool = False,
    ) -> None:
        """Set the cause; `can_retry` if another try may help, `retry_after` in seconds.

        `is_unreachable` if there was no connection: the network, a proxy or the server is down.
        """
        super().__init__(cause)
        self.is_unreachable = is_unreachable
        self.can_retry = can_retry
        self.retry_after = retry_after


class ContentRefused(FetchError):
    """The content is not a list: too large, cut off, or wrongly compressed."""

    is_refusal = True


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """A request for a feed's list at one of its URLs, with what is stored from the last fetch."""

    feed: Feed
    url: str
    validators: Validators
    #: The stored list that the validators belong to.
    base: Path | None
    max_bytes: int


@dataclass(frozen=True, slots=True)
class FetchResult:
    """The result of a fetch: a list, or the answer that it has not changed."""

    #: None if the server answers that nothing changed.
    body: bytes | None
    #: The URL that answered.
    url: str
    validators: Validators = NO_VALIDATORS
    #: Media type from the server, without parameters; empty for files.
    content_type: str = ""
    #: Digests of the file as published and of its content, for the hashes that the feed needs.
    digests: frozenset[str] = frozenset()

    def read_body(self) -> bytes:
        """Return the body; call it only if there is one."""
        assert self.body is not None
        return self.body


#: Return the result of a finished fetch, or raise `FetchError`.
PendingResult = Callable[[], FetchResult]


def join_errors(errors: list[FetchError]) -> FetchError:
    """Return one error for all mirrors of a feed.

    A delay is kept only if every mirror asked for one. The feed is unreachable if every mirror is.
    """
    error_class = ContentRefused if any(error.is_refusal for error in errors) else FetchError
    delays = [error.retry_after for error in errors if error.retry_after is not None]
    retry_after = min(delays) if len(delays) == len(errors) else None
    return error_class(
        "; ".join(map(str, errors)),
        retry_after=retry_after,
        is_unreachable=all(error.is_unreachable for error in errors),
    )


def is_remote_url(url: str) -> bool:
    """Return whether a URL leads to a server."""
    return url_scheme(url) in ("http", "https", *FORMAT_BY_SCHEME)


def is_incremental_url(url: str) -> bool:
    """Return whether the server at a URL can send only what changed since the last fetch."""
    return url_scheme(url) in FORMAT_BY_SCHEME


def hash_url(url: str) -> str:
    """Return a short hash of a URL."""
    return hashlib.sha256(url.encode()).hexdigest()[:16]
