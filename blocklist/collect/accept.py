"""Accept or refuse a snapshot: a bad download never becomes the list."""

from blocklist.catalogue import Feed
from blocklist.config import Policy
from blocklist.parse import Parsed

_LEAST_SHARE = 0.5
# Below this a list may grow as it likes: a hand-kept one of five names may well become fifty.
_GROWTH_FROM = 1000
_PAGE = (b"<!doctype html", b"<html", b"<?xml", b"<head", b"<body")


def refusal(feed: Feed, policy: Policy, body: bytes, parsed: Parsed, before: int) -> str | None:
    """Return why a snapshot is refused, in words for a person, or None when it is good.

    `before` is how many entries of the feed are in force, 0 for a feed never accepted.
    """
    found = parsed.indicators.height
    if not body.strip():
        return "empty: 0 bytes of content"
    if body[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_PAGE):
        return "a web page, not a list"
    if parsed.share_accepted < _LEAST_SHARE:
        return _unreadable(parsed)
    shrink = policy.max_shrink if feed.max_shrink is None else feed.max_shrink
    if before and found < before * (1 - shrink):
        return (
            f"shrank from {before:,} to {found:,} entries, to less than {1 - shrink:.0%} "
            f"(if that is right, set {feed.key}.max_shrink)"
        )
    growth = policy.max_growth if feed.max_growth is None else feed.max_growth
    if before and found > max(before * growth, _GROWTH_FROM):
        return (
            f"grew from {before:,} to {found:,} entries, more than {growth:g} times "
            f"(if that is right, set {feed.key}.max_growth)"
        )
    return None


def _unreadable(parsed: Parsed) -> str:
    if parsed.lines == parsed.comments:
        return f"lists nothing: {parsed.lines:,} lines, all empty or comments"
    worst = next(iter(parsed.refused.items()), ("", 0))
    return (
        f"only {parsed.share_accepted:.0%} of {parsed.lines - parsed.comments:,} lines read as "
        f"{parsed.format} (most often: {worst[0]}, {worst[1]:,})"
    )
