"""Read what became of the lines of each feed: connection -> counts, and samples by reason."""

import json
import sqlite3
from dataclasses import dataclass, field

from blocklist.parse.reasons import count_unread

#: A share of unread lines that is so much higher than in the last accepted snapshot is a warning.
UNREAD_RISE = 0.1
#: So high a share is a warning at any time. Lists for browsers have more, which is no fault.
UNREAD_SHARE = 0.2
#: Fewer unread lines are no warning: a hand-kept list may have some.
UNREAD_LINES = 20


@dataclass(frozen=True, slots=True)
class LineCounts:
    """What became of the lines of a snapshot: accepted, comments, or refused by reason."""

    lines: int
    accepted: int
    comments: int
    refused: dict[str, int] = field(hash=False)
    #: Refused lines that count against the list, and their share of the lines with content.
    unread: int
    unread_share: float
    #: The first refused lines of each reason, as `{"line": NUMBER, "text": TEXT}`.
    samples: dict[str, list[dict[str, object]]] = field(default_factory=dict, hash=False)

    @property
    def is_suspicious(self) -> bool:
        """Whether so many lines are unread that the format may be wrong."""
        return self.unread >= UNREAD_LINES and self.unread_share >= UNREAD_SHARE

    def describe_unread(self) -> str:
        """Return the unread lines in words: number, share, and the most frequent reason."""
        content = self.accepted + self.unread
        text = f"{self.unread:,} of {content:,} lines were not read ({self.unread_share:.0%}"
        reasons = [reason for reason in self.refused if count_unread({reason: 1})]
        most = max(reasons, key=self.refused.__getitem__, default=None)
        return f"{text}; most often: {most}, {self.refused[most]:,})" if most else f"{text})"


def make_line_counts(
    lines: int,
    accepted: int,
    comments: int,
    refused: dict[str, int],
    samples: dict[str, list[dict[str, object]]],
) -> LineCounts:
    """Return the counts of a snapshot with the number and share of its unread lines."""
    unread = count_unread(refused)
    share = unread / (accepted + unread) if unread else 0.0
    return LineCounts(lines, accepted, comments, refused, unread, round(share, 4), samples)


def load_line_counts(reader: sqlite3.Connection) -> dict[str, LineCounts]:
    """Return the counts of the last accepted snapshot of each feed that had one."""
    rows = reader.execute(
        "SELECT name, lines, accepted, comments, refused, samples FROM feed JOIN snapshot "
        "ON snapshot.id = (SELECT id FROM snapshot WHERE feed_id = feed.id AND state = 'fresh' "
        "ORDER BY id DESC LIMIT 1) WHERE refused IS NOT NULL"
    )
    return {
        name: make_line_counts(
            lines, accepted, comments, json.loads(refused), json.loads(first_lines or "{}")
        )
        for name, lines, accepted, comments, refused, first_lines in rows
    }


def warn_about_rise(counts: LineCounts, before: LineCounts | None) -> str | None:
    """Return a warning if clearly more lines are unread than in the last accepted snapshot."""
    if before is None or counts.unread < UNREAD_LINES:
        return None
    if counts.unread_share - before.unread_share < UNREAD_RISE:
        return None
    return f"{counts.describe_unread()}, against {before.unread_share:.0%} before"
