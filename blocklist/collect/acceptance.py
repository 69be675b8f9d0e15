"""Decide whether a snapshot is accepted: feed, policy, parse result -> refusal cause or None."""

from blocklist.collect.sniffing import detect_non_list, detect_nul, find_own_host
from blocklist.config.feeds import Feed
from blocklist.config.sections import PolicyConfig
from blocklist.parse.result import ParseResult

_MIN_SHARE_SHORT_LIST = 0.5
# A list that is half garbage must not pass, nor one that chance put just above a half; a hand-kept
# one of a few lines may have as many that do not read.
_MIN_SHARE_LONG_LIST = 0.6
_LONG_LIST_LINES = 100
# Below this a list may grow as it likes: a hand-kept one of five names may well become fifty.
_GROWTH_CHECK_FROM = 1000
# Some servers call every file a web page; then all but a few of its lines must read well.
_WEB_PAGE_TYPES = ("text/html", "application/xhtml+xml")
_MIN_SHARE_WEB_PAGE = 0.9


def find_refusal(
    feed: Feed,
    policy: PolicyConfig,
    body: bytes,
    parsed: ParseResult,
    before: int,
    content_type: str = "",
) -> str | None:
    """Return why a snapshot is refused, in words for a person, or None when it is good.

    `before` is how many entries the feed usually has, 0 for a feed never accepted.
    """
    cause = detect_non_list(feed, body)
    if cause is not None:
        return cause
    least = _MIN_SHARE_SHORT_LIST if parsed.lines < _LONG_LIST_LINES else _MIN_SHARE_LONG_LIST
    if parsed.share_accepted < least:
        return _describe_unreadable(parsed)
    if content_type in _WEB_PAGE_TYPES and parsed.share_accepted < _MIN_SHARE_WEB_PAGE:
        return f"sent as a web page ({content_type}), and {_describe_unreadable(parsed)}"
    damage, host = detect_nul(body), find_own_host(feed, parsed)
    if damage is not None:
        return damage
    if host is not None:
        return f"lists {host}, where it is fetched from, and would cut itself off"
    return _check_size_change(feed, policy, parsed.indicators.height, before)


def size_change_limits(feed: Feed, policy: PolicyConfig) -> tuple[float, float]:
    """Return how much a feed may shrink, as a share, and grow, in times."""
    shrink = policy.max_shrink if feed.max_shrink is None else feed.max_shrink
    return shrink, policy.max_growth if feed.max_growth is None else feed.max_growth


def _check_size_change(feed: Feed, policy: PolicyConfig, found: int, before: int) -> str | None:
    shrink, growth = size_change_limits(feed, policy)
    if before and found < before * (1 - shrink):
        return (
            f"shrank from {before:,} to {found:,} entries, to less than {1 - shrink:.0%} "
            f"(if that is right: blocklist run --accept {feed.name}; "
            f"or set {feed.config_key}.max_shrink)"
        )
    if before and found > max(before * growth, _GROWTH_CHECK_FROM):
        return (
            f"grew from {before:,} to {found:,} entries, more than {growth:g} times "
            f"(if that is right: blocklist run --accept {feed.name}; "
            f"or set {feed.config_key}.max_growth)"
        )
    return None


def _describe_unreadable(parsed: ParseResult) -> str:
    if parsed.lines == parsed.comments:
        return f"lists nothing: {parsed.lines:,} lines, all empty or comments"
    worst = next(iter(parsed.refusal_counts.items()), ("", 0))
    return (
        f"only {parsed.share_accepted:.0%} of {parsed.lines - parsed.comments:,} lines read as "
        f"{parsed.format} (most often: {worst[0]}, {worst[1]:,})"
    )
