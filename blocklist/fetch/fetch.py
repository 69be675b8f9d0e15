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
        return read_first_file(feed.urls, feed.max_bytes or settings.max_bytes, known)
    from blocklist.fetch.session import FetchSession

    with (
        TemporaryDirectory(prefix="blocklist-") as scratch,
        FetchSession(settings, Path(scratch)) as door,
    ):
        return door.start_fetch(feed, NO_VALIDATORS).result()()


def is_local_feed(feed: Feed) -> bool:
    """Whether a feed can be had without a network, and at once."""
    return not hash_names(feed) and not any(map(is_remote_url, feed.urls))
