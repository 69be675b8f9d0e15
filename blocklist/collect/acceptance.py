"""Decide whether a snapshot is accepted: feed, policy, parse result -> refusal cause or None."""

from blocklist.collect.sniffing import detect_non_list, detect_nul, find_own_host
from blocklist.config.feeds import Feed
from blocklist.config.sections import PolicyConfig
from blocklist.parse.reasons import count_unread
from blocklist.parse.registry import load_format
from blocklist.parse.result import ParseResult
from blocklist.plugins import PluginError

_MIN_SHARE_SHORT_LIST = 0.5
# A long list must be clearly better than half readable; a hand-kept list of a few lines may have as
# many lines that cannot be read.
_MIN_SHARE_LONG_LIST = 0.6
_LONG_LIST_LINES = 100
# Growth is not checked up to this size: a hand-kept list of five names may well become fifty.
_GROWTH_CHECK_FROM = 1000
# Some servers declare every file a web page; then nearly all lines must be readable.
_WEB_PAGE_TYPES = ("text/html", "application/xhtml+xml")
_MIN_SHARE_WEB_PAGE = 0.9


def find_refusal(
    feed: Feed,
    policy: PolicyConfig,
    body: bytes,
    parsed: ParseResult,
    usual_entries: int,
    content_type: str = "",
) -> str | None:
    """Return why a snapshot is refused, in words for a person, or None if it is accepted.

    `usual_entries` is the feed's usual number of entries, 0 for a feed that was never accepted.
    """
    cause = detect_non_list(body, may_be_json=load_format(feed.format).may_be_json)
    if cause is not None:
        return cause
    if describe_empty(body, parsed):
        return _check_empty(feed, body, parsed, content_type)
    min_share = _MIN_SHARE_SHORT_LIST if parsed.lines < _LONG_LIST_LINES else _MIN_SHARE_LONG_LIST
    if parsed.share_accepted < min_share:
        return _describe_unreadable(parsed) + _suggest_format(feed, body)
    if content_type in _WEB_PAGE_TYPES and parsed.share_accepted < _MIN_SHARE_WEB_PAGE:
        return f"sent as a web page ({content_type}), and {_describe_unreadable(parsed)}"
    damage, host = detect_nul(body), find_own_host(feed, parsed)
    if damage is not None:
        return damage
    if host is not None:
        return f"lists {host}, the host it is fetched from, and would block its own download"
    return _check_size_change(feed, policy, parsed.indicators.height, usual_entries)


def describe_empty(body: bytes, parsed: ParseResult) -> str | None:
    """Return in words that a list has no entry, and no line that could be one; None if it has."""
    if parsed.accepted or count_unread(parsed.refusal_counts):
        return None
    if not body.strip():
        return "empty: 0 bytes of content"
    kinds = ", ".join(["empty or comments", *parsed.refusal_counts])
    return f"lists nothing: {parsed.lines:,} lines, all {kinds}"


def _check_empty(feed: Feed, body: bytes, parsed: ParseResult, content_type: str) -> str | None:
    """Return why a list without entries is refused, or None for a feed that may be empty."""
    size = describe_empty(body, parsed)
    if content_type in _WEB_PAGE_TYPES:
        return f"sent as a web page ({content_type}), and {size}"
    if feed.can_be_empty:
        return detect_nul(body)
    return (
        f"{size} (if this is correct: blocklist run --accept {feed.name}; "
        f"or set {feed.config_key}.can_be_empty)"
    )


def size_change_limits(feed: Feed, policy: PolicyConfig) -> tuple[float, float]:
    """Return by which share a feed may shrink, and by which factor it may grow."""
    shrink = policy.max_shrink if feed.max_shrink is None else feed.max_shrink
    return shrink, policy.max_growth if feed.max_growth is None else feed.max_growth


def _check_size_change(
    feed: Feed, policy: PolicyConfig, entries: int, usual_entries: int
) -> str | None:
    shrink, growth = size_change_limits(feed, policy)
    if usual_entries and entries < usual_entries * (1 - shrink):
        return (
            f"shrank from {usual_entries:,} to {entries:,} entries, to less than {1 - shrink:.0%} "
            f"(if this is correct: blocklist run --accept {feed.name}; "
            f"or set {feed.config_key}.max_shrink)"
        )
    if usual_entries and entries > max(usual_entries * growth, _GROWTH_CHECK_FROM):
        return (
            f"grew from {usual_entries:,} to {entries:,} entries, more than {growth:g} times "
            f"(if this is correct: blocklist run --accept {feed.name}; "
            f"or set {feed.config_key}.max_growth)"
        )
    return None


def _suggest_format(feed: Feed, body: bytes) -> str:
    """Return the setting for a list whose maintainer changed the format; empty if none fits.

    The format is never changed without a person, because it also decides the scope of entries.
    """
    from blocklist.parse.detect import detect_format

    try:
        name = detect_format(body)
    except PluginError:  # of another format than the feed's
        return ""
    if name is None or name == feed.format:
        return ""
    return f'; it looks like {name}: set {feed.config_key}.format = "{name}" if that is correct'


def _describe_unreadable(parsed: ParseResult) -> str:
    reason, count = next(iter(parsed.refusal_counts.items()), ("", 0))
    read = parsed.lines - parsed.comments
    return (
        f"only {parsed.share_accepted:.0%} of {read:,} lines can be read as {parsed.format} "
        f"(most often: {reason}, {count:,})"
    )
