"""Fetch one feed: its URLs -> the body and validators of the first mirror that answers."""

from pathlib import Path
from tempfile import TemporaryDirectory

from blocklist.config.feeds import Feed
from blocklist.config.sections import CollectConfig
from blocklist.fetch.integrity import hash_names
from blocklist.fetch.local import MAX_LIST_BYTES, read_first_file
from blocklist.fetch.types import FetchResult, is_remote_url
from blocklist.model import NO_VALIDATORS, Validators


def fetch_bytes(urls: tuple[str, ...], settings: CollectConfig | None = None) -> bytes:
    """Return the body of the first mirror that answers; raise `FetchError` if none does."""
    settings = settings or CollectConfig(max_bytes=MAX_LIST_BYTES)
    body = fetch_feed(Feed("", urls, ""), settings).body
    assert body is not None  # a request without conditions has no answer "unchanged"
    return body


def fetch_feed(
    feed: Feed, settings: CollectConfig, validators: Validators = NO_VALIDATORS
) -> FetchResult:
    """Return the result of the first mirror that answers; raise `FetchError` if none does.

    A local file that still matches `validators` is not read again.
    """
    if is_local_feed(feed):
        return read_first_file(feed.urls, feed.max_bytes or settings.max_bytes, validators)
    from blocklist.fetch.session import FetchSession

    with (
        TemporaryDirectory(prefix="blocklist-") as scratch,
        FetchSession(settings, Path(scratch)) as session,
    ):
        return session.start_fetch(feed, NO_VALIDATORS).result()()


def is_local_feed(feed: Feed) -> bool:
    """Return whether a feed can be read at once, without a network."""
    return not hash_names(feed) and not any(map(is_remote_url, feed.urls))
