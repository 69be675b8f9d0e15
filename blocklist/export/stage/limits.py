"""Limit an export to the entries that its consumer can hold: rows -> body and the rows in it.

The best-scored rows are kept and the number of dropped rows is counted. Firewalls truncate longer
lists silently, or stop.
"""

from dataclasses import replace

import polars as pl

from blocklist.config.exports import Export
from blocklist.export.registry import get_dialect
from blocklist.export.render.body import Body

# Rows become more or fewer entries, so the number that fits is found by trying.
_MAX_TRIES = 8
#: Above every score.
_OPERATOR_SCORE = 2.0


def render_within_limit(export: Export, rows: pl.DataFrame) -> tuple[Body, pl.DataFrame]:
    """Return the content of an export, and the rows that are in it.

    Your own blocks come first, then the better score, then the more general of the rows.
    """
    render = get_dialect(export.target.dialect).render_body
    body = render(export, rows)
    most = export.max_entries
    if most is None or body.entry_count <= most:
        return body, rows
    allow = rows.filter(pl.col("action") == "allow")
    block = rows.filter(pl.col("action") == "block")
    ranked = _rank_blocks(block)
    best = render(export, allow), allow
    fits, too_many, size = 0, block.height, min(most, block.height - 1)
    for _ in range(_MAX_TRIES):
        kept = pl.concat([allow, ranked.head(size)])
        body = render(export, kept)
        if body.entry_count <= most:
            best, fits = (body, kept), size
        else:
            too_many = size
        if body.entry_count == most or too_many - fits <= 1:
            break
        nearer = size + most - body.entry_count
        size = nearer if fits < nearer < too_many else (fits + too_many) // 2
    body, kept = best
    left = {"over-limit": rows.height - kept.height}
    return replace(body, left_out=body.left_out | left), kept


def _rank_blocks(block: pl.DataFrame) -> pl.DataFrame:
    score = pl.col("score") if "score" in block.columns else pl.lit(None, pl.Float64)
    keys = block.select(
        score=score.fill_null(_OPERATOR_SCORE),
        wide=pl.col("scope") != "exact",
        length=pl.col("value").str.len_bytes(),
    )
    order = block.with_columns(keys.rename(lambda name: f"by {name}"))
    descending = [True, True, False, False]
    sorted_rows = order.sort("by score", "by wide", "by length", "value", descending=descending)
    return sorted_rows.select(block.columns)
