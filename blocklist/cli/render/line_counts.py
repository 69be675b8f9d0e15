"""Render what became of the lines of a feed: counts -> a cell of a table, or lines."""

from typing import TYPE_CHECKING

from blocklist.cli.output import show_line

if TYPE_CHECKING:
    from blocklist import LineCounts


def format_unread(counts: "LineCounts | None") -> str:
    """Return number and share of the lines that were not read; empty if all were."""
    if counts is None or not counts.unread:
        return ""
    return f"{counts.unread:,} ({counts.unread_share:.0%})"


def show_line_counts(counts: "LineCounts") -> None:
    """Write the account of a snapshot's lines, and samples of the refused ones."""
    refused = sum(counts.refused.values())
    show_line(
        f"{counts.lines:,} lines = {counts.accepted:,} accepted + {refused:,} refused + "
        f"{counts.comments:,} comments"
    )
    for reason, count in counts.refused.items():
        show_line(f"  refused: {reason}, {count:,} lines")
        for sample in counts.samples.get(reason, []):
            show_line(f"    line {sample['line']}: {sample['text']}")
