"""Run `feeds overlap`: show each feed's unique entries, its copies, and a covering set of feeds."""

from typing import TYPE_CHECKING

import typer

from blocklist.cli.session import JsonOption, get_session, show_json, show_line, show_table

if TYPE_CHECKING:
    from blocklist.judge.overlap.overlap import OverlapReport


def overlap_command(context: typer.Context, as_json: JsonOption = False) -> None:
    """Say what each feed has of its own, who lists first, who copies, and which are enough."""
    from blocklist.release.echo_detection import measure_feed_overlap

    found = measure_feed_overlap(get_session(context).config)
    if as_json:
        show_json(found)
    elif not found.shares:
        show_line("no feed lists anything")
    else:
        _show_overlap(found)


def _show_overlap(found: "OverlapReport") -> None:
    columns = ("feed", "entries", "unique", "first of dated", "days ahead", "guard conflicts")
    rows = (
        (
            one.feed,
            f"{one.entries:,}",
            f"{one.unique / one.entries:.1%}",
            f"{one.first / one.dated:.1%} of {one.dated:,}" if one.dated else "",
            "" if one.lead is None else f"{one.lead:.1f}",
            f"{one.conflicts:,}",
        )
        for one in found.shares
    )
    show_table(columns, rows)
    for one in found.contained:
        place = f"{one.contained:.1%} of {one.follower} is in {one.leader}"
        order = f", {one.behind:.1%} of {one.dated:,} not earlier" if one.dated else ""
        echo = ": its echo" if one in found.echoes else ""
        show_line(f"{place}{order}{echo}")
    show_line("")
    show_line(f"feeds that list {found.cover[-1].covered:.1%} of all {found.values:,} entries:")
    show_table(
        ("feed", "adds", "together"),
        ((step.feed, f"{step.added:,}", f"{step.covered:.1%}") for step in found.cover),
    )
