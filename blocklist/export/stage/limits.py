"""Limit an export to the entries that its consumer can hold: rows -> body and the rows in it.

The rows with the best scores are kept, and the dropped rows are counted. Firewalls truncate longer
lists silently, or stop.
"""

import logging
from dataclasses import replace

import polars as pl

from blocklist.config.exports import Export
from blocklist.export.registry import get_dialect
from blocklist.export.render.body import Body

logger = logging.getLogger(__name__)

# One row may become several entries, so the number of rows that fit is found by trying.
_MAX_TRIES = 8
#: Above every score.
_OPERATOR_SCORE = 2.0


def render_within_limit(export: Export, rows: pl.DataFrame) -> tuple[Body, pl.DataFrame]:
    """Return the content of an export, and the rows that are in it.

    The operator's own blocks are kept first, then rows with better scores, then more general rows.
    """
    render = get_dialect(export.target.dialect).render_body
    body = render(export, rows)
    limit = export.max_entries
    if limit is None or body.entry_count <= limit:
        return body, rows
    allows = rows.filter(pl.col("action") == "allow")
    blocks = _rank_blocks(rows.filter(pl.col("action") == "block"))
    best = render(export, allows), allows
    fitting, too_many, size = 0, blocks.height, min(limit, blocks.height - 1)
    for _ in range(_MAX_TRIES):
        kept = pl.concat([allows, blocks.head(size)])
        body = render(export, kept)
        if body.entry_count <= limit:
            best, fitting = (body, kept), size
        else:
            too_many = size
        if body.entry_count == limit or too_many - fitting <= 1:
            break
        estimate = size + limit - body.entry_count
        size = estimate if fitting < estimate < too_many else (fitting + too_many) // 2
    body, kept = best
    dropped = rows.height - kept.height
    logger.info("export %s: dropped %d rows over the limit of %d", export.name, dropped, limit)
    return replace(body, left_out=body.left_out | {"over-limit": dropped}), kept


def _rank_blocks(blocks: pl.DataFrame) -> pl.DataFrame:
    score = pl.col("score") if "score" in blocks.columns else pl.lit(None, pl.Float64)
    keys = blocks.select(
        score=score.fill_null(_OPERATOR_SCORE),
        wide=pl.col("scope") != "exact",
        length=pl.col("value").str.len_bytes(),
    )
    keyed = blocks.with_columns(keys.rename(lambda name: f"by {name}"))
    descending = [True, True, False, False]
    ranked = keyed.sort("by score", "by wide", "by length", "value", descending=descending)
    return ranked.select(blocks.columns)
