"""Touched families: a change of verdicts -> old and new rows related to the changed names.

A family is one topmost name with rows, and all names below it. A file's lines for a name follow
from the rows at and above it and, where a format has no subtrees or no exceptions, from the rows
below it. So the lines of untouched families stay the same.
"""

from dataclasses import dataclass

import polars as pl

from blocklist.frames.names import are_at_or_below, expand_ancestors
from blocklist.ledger.releases.verdicts import VerdictChange
from blocklist.model import Kind
from blocklist.release.proposal import select_export_rows

# If a larger share of the rows is touched, rendering all rows is at least as fast.
_MAX_TOUCHED_SHARE = 0.2
_ROW_COLUMNS = ["kind", "value", "scope", "action"]


@dataclass(frozen=True)
class TouchedFamilies:
    """The rows (schema `RELEASE`) of touched families in the current release and the next one."""

    old_rows: pl.DataFrame
    new_rows: pl.DataFrame
    #: The topmost names of the families.
    top_names: pl.Series
    #: By how many the blocks of each other kind grow.
    other_kinds: dict[str, int]


def find_touched_families(verdicts: pl.DataFrame, change: VerdictChange) -> TouchedFamilies | None:
    """Return the families that a change touches, or None if they are too many.

    `verdicts` are those of the next release; `change` leads to them from the current one.
    """
    if change.new.height + change.old.height > _MAX_TOUCHED_SHARE * verdicts.height:
        return None
    removed, added = _diff_export_rows(change)
    is_name = pl.col("kind") == Kind.DOMAIN.value
    removed_names, added_names = removed.filter(is_name), added.filter(is_name)
    rows = select_export_rows(verdicts.filter(is_name))
    most = _MAX_TOUCHED_SHARE * (rows.height - added_names.height + removed_names.height)
    changed = pl.concat([removed_names, added_names])["value"].unique()
    if changed.len() > most:
        return None
    tops = _find_top_names(changed, pl.concat([rows["value"], removed_names["value"]]))
    new_rows = rows.filter(are_at_or_below(rows["value"], tops))
    unchanged = new_rows.join(added_names, on=_ROW_COLUMNS, how="anti")
    old_rows = pl.concat([unchanged, removed_names])
    if old_rows.height > most:
        return None
    return TouchedFamilies(old_rows, new_rows, tops, _count_other_kinds(removed, added))


def _diff_export_rows(change: VerdictChange) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows (schema `RELEASE`) that a change removes and adds."""
    old, new = select_export_rows(change.old), select_export_rows(change.new)
    return old.join(new, on=_ROW_COLUMNS, how="anti"), new.join(old, on=_ROW_COLUMNS, how="anti")


def _find_top_names(changed: pl.Series, names: pl.Series) -> pl.Series:
    """Return for each changed name the topmost of `names` at or above it, or itself."""
    above = expand_ancestors(changed.alias("value").to_frame(), "value")
    listed = names.filter(names.is_in(above["ancestor"].unique().implode()))
    candidates = above.filter(pl.col("ancestor").is_in(listed.implode()) | (pl.col("steps") == 0))
    topmost = pl.col("ancestor").sort_by("steps").last()
    return candidates.group_by("value").agg(topmost)["ancestor"].unique()


def _count_other_kinds(removed: pl.DataFrame, added: pl.DataFrame) -> dict[str, int]:
    counts = dict[str, int]()
    for rows, sign in ((removed, -1), (added, 1)):
        blocks = rows.filter(pl.col("action") == "block", pl.col("kind") != Kind.DOMAIN.value)
        for kind, count in blocks["kind"].value_counts().iter_rows():
            counts[kind] = counts.get(kind, 0) + sign * count
    return {kind: count for kind, count in counts.items() if count}
