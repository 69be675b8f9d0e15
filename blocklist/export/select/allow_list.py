"""Leave out the allows that another file holds: export and rows -> rows without them, and counts.

A consumer such as Pi-hole reads allows from a list of their own, in which an allow wins over every
block. With an export of that list, the blocks around an allow need not be narrowed.
"""

import polars as pl

from blocklist.config.exports import Export
from blocklist.model import Kind, Scope

_IS_ALLOW = pl.col("action") == "allow"
_IS_SUBTREE = pl.col("scope") == Scope.SUBTREE.value


def exclude_listed_allows(
    export: Export, rows: pl.DataFrame
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the rows without allows that the allow list of an export holds.

    Blocks at or below an allowed subtree, which the consumer does not block, are counted.
    """
    if not export.has_allow_list:
        return rows, {}
    is_listed = (pl.col("kind") == Kind.DOMAIN.value) & _IS_ALLOW & _can_list(export)
    subtrees = rows.filter(is_listed, _IS_SUBTREE)["value"]
    count = _count_blocks_below(rows, subtrees) if len(subtrees) else 0
    return rows.filter(~is_listed), {"under-allow": count} if count else {}


def _count_blocks_below(rows: pl.DataFrame, subtrees: pl.Series) -> int:
    """Return the number of blocks at or below any of the names."""
    blocks = rows.filter(pl.col("action") == "block", pl.col("kind") == Kind.DOMAIN.value)["value"]
    # A dot before each name and a mark after it: an equal name and one below match alike.
    marks = [f".{name}$" for name in subtrees]
    return int(("." + blocks + "$").str.contains_any(marks).sum())


def _can_list(export: Export) -> pl.Expr:
    """Return whether the allow list can hold an allow."""
    target, name = export.target, pl.col("value")
    has_form = name.str.contains(f"^(?:{target.name_form})$") if target.name_form else pl.lit(True)
    is_whole = _IS_SUBTREE | name.str.contains(".", literal=True)
    return has_form & is_whole & (pl.col("scope") != Scope.BELOW.value)
