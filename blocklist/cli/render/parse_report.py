"""Render the parse report of a list, for `feeds test` and `feeds add`."""

from typing import TYPE_CHECKING

from blocklist.cli.output import show_line, show_table

if TYPE_CHECKING:
    from blocklist import ParseResult

_SAMPLE_ROWS = 10


def parse_report_to_dict(parsed: "ParseResult") -> dict[str, object]:
    """Return the document of `feeds test --json`."""
    return {
        "format": parsed.format,
        "lines": parsed.lines,
        "accepted": parsed.accepted,
        "comments": parsed.comments,
        "refused": parsed.refusal_counts,
        "samples": parsed.samples,
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
    samples = parsed.samples
    for reason, count in parsed.refusal_counts.items():
        show_line(f"  refused: {reason}, {count:,} lines")
        for sample in samples[reason]:
            show_line(f"    line {sample['line']}: {sample['text']}")
    if not parsed.indicators.is_empty():
        columns = ("kind", "value", "scope", "evidence")
        first_rows = parsed.indicators.head(_SAMPLE_ROWS).select(columns)
        show_table(columns, first_rows.iter_rows())
