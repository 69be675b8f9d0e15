"""Plain lists: the same line, or lines, for every name or network. None of them reaches below."""

import polars as pl

from blocklist.columns import networks
from blocklist.config import Export
from blocklist.errors import ExportFailed
from blocklist.export.addresses import blocked
from blocklist.export.body import Body
from blocklist.export.dialects.comments import about
from blocklist.export.meaning import by_family, nodes
from blocklist.export.safe import checked_names
from blocklist.export.state import ExportState
from blocklist.model import Kind

_FIELD = "{value}"


def head(export: Export, state: ExportState, count: int) -> list[str]:
    """Return the comment."""
    return about(export, state, count)


def body(export: Export, rows: pl.DataFrame) -> Body:
    """Return the names, families together, then the networks, fewest and disjoint."""
    names, narrowed = _names(rows.filter(pl.col("kind") == Kind.DOMAIN.value))
    spans, left_out = blocked(rows.filter(pl.col("kind") == Kind.IP.value))
    values = pl.concat([names, networks.texts(spans).alias("value")])
    return Body(_written(values, export.target.line), len(values), narrowed | left_out)


def _names(rows: pl.DataFrame) -> tuple[pl.Series, dict[str, int]]:
    checked_names(rows["value"])
    blocks = rows.filter(pl.col("action") == "block")["scope"]
    below, subtree = (int((blocks == scope).sum()) for scope in ("below", "subtree"))
    listed = by_family(nodes(rows).filter("own").select("value"))
    counts = {"below": below, "narrowed-to-exact": subtree}
    return listed["value"], {reason: count for reason, count in counts.items() if count}


def _written(values: pl.Series, template: str) -> pl.Series:
    parts = template.strip("\n").split(_FIELD)
    if len(parts) == 1 or any(mark in part for part in parts for mark in "{}"):
        raise ExportFailed(f"line = {template!r}: expected {_FIELD} in it, and no other field")
    pieces: list[pl.Expr] = [pl.lit(parts[0])]
    for part in parts[1:]:
        pieces += [pl.col("value"), pl.lit(part)]
    return values.to_frame("value").select(line=pl.concat_str(pieces))["line"]
