"""Run `feeds overlap`: show each feed's unique entries, its copies, and a covering set of feeds."""

from typing import TYPE_CHECKING

import typer

from blocklist.cli.options import JsonOption
from blocklist.cli.output import show_json, show_line, show_table
from blocklist.cli.session import get_library

if TYPE_CHECKING:
    from blocklist import FeedShare, OverlapReport


def overlap_command(context: typer.Context, as_json: JsonOption = False) -> None:
    """Show the unique entries of each feed, who lists first, who copies, and a sufficient set."""
    report = get_library(context).feeds.overlap()
    if as_json:
        show_json({name: getattr(report, name) for name in report.__dataclass_fields__})
    elif not report.shares:
        show_line("no feed lists anything")
    else:
        _show_overlap(report)


def _show_overlap(report: "OverlapReport") -> None:
    columns = ("feed", "entries", "unique", "first of dated", "days ahead", "guard conflicts")
    show_table(columns, map(_share_row, report.shares), drop=("days ahead", "first of dated"))
    for pair in report.contained:
        part = f"{pair.contained:.1%} of {pair.follower} is in {pair.leader}"
        order = f", {pair.behind:.1%} of {pair.dated:,} not earlier" if pair.dated else ""
        echo = "; it is taken for a copy" if pair in report.echoes else ""
        show_line(f"{part}{order}{echo}")
    show_line("")
    show_line(f"feeds that list {report.cover[-1].covered:.1%} of all {report.values:,} entries:")
    steps = ((step.feed, f"{step.added:,}", f"{step.covered:.1%}") for step in report.cover)
    show_table(("feed", "adds", "together"), steps)


def _share_row(share: "FeedShare") -> tuple[str, ...]:
    first = f"{share.first / share.dated:.1%} of {share.dated:,}" if share.dated else ""
    return (
        share.feed,
        f"{share.entries:,}",
        f"{share.unique / share.entries:.1%}",
        first,
        "" if share.lead is None else f"{share.lead:.1f}",
        f"{share.conflicts:,}",
    )
