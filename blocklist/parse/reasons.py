"""Name the reasons of refused lines that do not count against a list."""

from collections.abc import Mapping

#: The reason of lines beyond the rank limit of the feed, which are not read.
BEYOND_LIMIT = "beyond-rank-limit"
#: Reasons of well-formed lines from which nothing is read. They do not count against the feed.
NEUTRAL_REASONS = (
    BEYOND_LIMIT,
    "filtered",
    "header",
    "local-data",
    "other-kind",
    "not-for-blocking",
    "expired",
    "revoked",
    "deleted",
    "older-version",
    "exception",
    "cancelled",
)


def count_unread(refused: Mapping[str, int]) -> int:
    """Return how many of the refused lines count against a list, from the counts by reason."""
    return sum(count for reason, count in refused.items() if reason not in NEUTRAL_REASONS)
