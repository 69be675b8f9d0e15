"""Render the parse report of a list, for `feeds test` and `feeds add`."""

from typing import TYPE_CHECKING

from blocklist.cli.output import show_line, show_table

if TYPE_CHECKING:
    from blocklist import ParseResult

_MAX_EXAMPLES = 3
_SAMPLE_ROWS = 10


def parse_report_to_dict(parsed: "ParseResult") -> dict[str, object]:
    """Return the document of `feeds test --json`."""
    return {
        "format": parsed.format,
        "lines": parsed.lines,
        "accepted": parsed.accepted,
        "comments": parsed.comments,
        "refused": parsed.refusal_counts,
        "dropped": parsed.dropped_counts,
        "indicators": parsed.indicators.drop("line").to_dicts(),
    }


def show_parse_report(parsed: "ParseResult") -> None:
    """Write the account of a list's lines, examples of refused lines, and a sample."""
    show_line(
        f"{parsed.format}: {parsed.lines:,} lines = {parsed.accepted:,} accepted + "
        f"{parsed.refusals.height:,} refused + {parsed.comments:,} comments; "
        f"{parsed.indicators.height:,} indicators"
    )
    for what, count in parsed.dropped_counts.items():
        show_line(f"  left out of accepted lines: {what}, {count:,}")
    for reason, count in parsed.refusal_counts.items():
        show_line(f"  refused: {reason}, {count:,} lines")
        examples = parsed.refusals.filter(reason=reason).head(_MAX_EXAMPLES)
        for line, text in examples.select("line", "text").iter_rows():
            show_line(f"    line {line}: {text}")
    if not parsed.indicators.is_empty():
        columns = ("kind", "value", "scope", "evidence")
        sample = parsed.indicators.head(_SAMPLE_ROWS).select(columns)
        show_table(columns, sample.iter_rows())
