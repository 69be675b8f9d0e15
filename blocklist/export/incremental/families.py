"""Touched families: a change of verdicts -> old and new rows related to the changed names.

A family is one topmost name with rows, and all names below it. A file's lines for a name follow
from the rows at and above it and, where a format has no subtrees or no exceptions, from the rows
below it. So the lines of untouched families stay the same.
"""

from dataclasses import dataclass

import polars as pl

from blocklist.frames.names import expand_ancestors, parent_name
from blocklist.ledger.releases.verdicts import VerdictChange
from blocklist.model import Kind
from blocklist.release.proposal import select_export_rows

# Where more of the rows are touched, all of them are rendered at least as soon.
_MAX_TOUCHED_SHARE = 0.2
_ROW_COLUMNS = ["kind", "value", "scope", "action"]


@dataclass(frozen=True)
class TouchedFamilies:
    """The rows (`RELEASE`) of touched families in the release in force and in the one to come."""

    old_rows: pl.DataFrame
    new_rows: pl.DataFrame
    #: The names that the families are at and below.
    top_names: pl.Series
    #: How many more blocks there are of the kinds that are no names, by kind.
    other_kinds: dict[str, int]


def find_touched_families(before: pl.DataFrame, change: VerdictChange) -> TouchedFamilies | None:
    """Return the families that a change touches, or none where these are too many.

    `before` are the verdicts of the release in force.
    """
    was, now = select_export_rows(change.old), select_export_rows(change.new)
    gone, came = (
        was.join(now, on=_ROW_COLUMNS, how="anti"),
        now.join(was, on=_ROW_COLUMNS, how="anti"),
    )
    names = pl.col("kind") == Kind.DOMAIN.value
    rows = select_export_rows(before.filter(names))
    told = pl.concat([gone, came]).filter(names)["value"].unique()
    if told.len() > _MAX_TOUCHED_SHARE * rows.height:
        return None
    new = came.filter(names)
    tops = _find_top_names(told, pl.concat([rows["value"], new["value"]]))
    old = rows.filter(are_at_or_below(rows["value"], tops))
    if old.height > _MAX_TOUCHED_SHARE * rows.height:
        return None
    stays = old.join(gone, on=_ROW_COLUMNS, how="anti")
    return TouchedFamilies(old, pl.concat([stays, new]), tops, _count_other_kinds(gone, came))


def _find_top_names(told: pl.Series, known: pl.Series) -> pl.Series:
    """Return the highest names above those told, or these themselves, that have rows."""
    above = expand_ancestors(told.alias("value").to_frame(), "value")
    known = known.filter(known.is_in(above["ancestor"].unique().implode()))
    speaking = above.filter(pl.col("ancestor").is_in(known.implode()) | (pl.col("steps") == 0))
    highest = pl.col("ancestor").sort_by("steps").last()
    return speaking.group_by("value").agg(highest)["ancestor"].unique()


def are_at_or_below(names: pl.Series, tops: pl.Series) -> pl.Series:
    """Return which names are one of the others, or below one of them."""
    found = pl.zeros(len(names), pl.Boolean, eager=True)
    # A name without a dot is above all others; most often none of these is among the tops.
    least = int(bool(tops.str.contains(".", literal=True).all()))
    dots = names.str.count_matches(".", literal=True)
    level = pl.DataFrame({"name": names, "dots": dots}).with_row_index("row")
    while not level.is_empty():
        hit = level["name"].is_in(tops.implode())
        found = found.scatter(level["row"].filter(hit), True)
        level = level.filter(~hit & (pl.col("dots") > least))
        level = level.select("row", parent_name(pl.col("name")), pl.col("dots") - 1)
    return found


def _count_other_kinds(gone: pl.DataFrame, came: pl.DataFrame) -> dict[str, int]:
    counts = dict[str, int]()
    for rows, sign in ((gone, -1), (came, 1)):
        blocks = rows.filter(pl.col("action") == "block", pl.col("kind") != Kind.DOMAIN.value)
        for kind, count in blocks["kind"].value_counts().iter_rows():
            counts[kind] = counts.get(kind, 0) + sign * count
    return {kind: count for kind, count in counts.items() if count}
