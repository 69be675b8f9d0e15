"""Render nftables files: network rows -> one transaction that replaces two sets (`nft -f`)."""

import polars as pl

from blocklist.config.exports import Export
from blocklist.export.render.addresses import compute_blocked_spans
from blocklist.export.render.body import Body, BodyPart
from blocklist.export.render.file_head import render_comment
from blocklist.export.render.state import ExportState
from blocklist.frames.networks import spans_to_networks

_TABLE = "inet blocklist"
_EXAMPLE = """
Use the sets in a chain of your own, which this file does not touch:
  add chain inet blocklist guard { type filter hook forward priority filter - 5; policy accept; }
  add rule inet blocklist guard ip daddr @blocklist4 counter reject
  add rule inet blocklist guard ip6 daddr @blocklist6 counter reject"""


def render_head(export: Export, state: ExportState, body: Body) -> list[str]:
    """Return the comment with an example of rules, and the statements that empty the sets.

    The mark follows them, so it must not be emptied again by the body.
    """
    mark = export.target.comment
    return [
        *render_comment(export, state, body),
        *(f"{mark} {line}".rstrip() for line in _EXAMPLE.split("\n")),
        f"add table {_TABLE}",
        *_declare_set(4),
        *_declare_set(6),
    ]


def render_body(export: Export, rows: pl.DataFrame) -> Body:
    """Return the statements; elements are disjoint and sorted, which also loads fastest."""
    spans, left_out = compute_blocked_spans(rows)
    sets = {family: spans_to_networks(spans.filter(family=family)) for family in (4, 6)}
    lines = [_render_elements(family, values) for family, values in sets.items()]
    return Body((BodyPart.from_lines(pl.concat(lines)),), sum(map(len, sets.values())), left_out)


def _declare_set(family: int) -> list[str]:
    name = f"{_TABLE} blocklist{family}"
    return [
        f"add set {name} {{ type ipv{family}_addr; flags interval; }}",
        f"flush set {name}",
    ]


def _render_elements(family: int, values: pl.Series) -> pl.Series:
    if values.is_empty():  # `{ }` is a syntax error
        return pl.Series([], dtype=pl.String)
    start = pl.Series([f"add element {_TABLE} blocklist{family} {{"])
    return pl.concat([start, "\t" + values + ",", pl.Series(["}"])])
