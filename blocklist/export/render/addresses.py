"""Blocked address ranges: network rows -> sorted, disjoint spans.

The longest prefix that covers an address decides; a tie allows.
"""

import polars as pl

from blocklist.errors import ExportFailed, InvalidIndicator
from blocklist.frames.networks import SPAN_SCHEMA, merge_spans, networks_to_spans, subtract_spans

_ADDRESS_BITS = {4: 32, 6: 128}


def compute_blocked_spans(rows: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the disjoint spans that are blocked, sorted, and how many rows were left out.

    A network of all addresses is never blocked, nor are networks that add up to one:
    `ExportFailed`.
    """
    known = _add_prefix(rows)
    whole = known.filter(pl.col("prefix") == 0, pl.col("action") == "block").height
    known = known.filter(pl.col("prefix") > 0)
    block, allow = (known.filter(pl.col("action") == action) for action in ("block", "allow"))
    found, reached = SPAN_SCHEMA.to_frame(), 0
    for level in sorted(allow["prefix"].unique()):
        wider = block.filter(pl.col("prefix").is_between(reached + 1, level))
        holes = allow.filter(pl.col("prefix") == level)
        found = subtract_spans(_concat_spans(found, wider), holes.select(SPAN_SCHEMA.names()))
        reached = level
    found = merge_spans(_concat_spans(found, block.filter(pl.col("prefix") > reached)))
    _refuse_everything(found)
    return found, {"everything": whole} if whole else {}


def _add_prefix(rows: pl.DataFrame) -> pl.DataFrame:
    values = rows["value"]
    try:
        found = networks_to_spans(values)
    except InvalidIndicator:
        message = "the release holds an address that is none; rebuild the release"
        raise ExportFailed(message) from None
    prefix = values.str.extract(r"/([0-9]+)$").cast(pl.UInt8)
    bits = found["family"].replace_strict(_ADDRESS_BITS, return_dtype=pl.UInt8)
    return found.with_columns(rows["action"], prefix=prefix.fill_null(bits))


def _concat_spans(one: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([one, other.select(SPAN_SCHEMA.names())])


def _refuse_everything(found: pl.DataFrame) -> None:
    for family, bits in _ADDRESS_BITS.items():
        last = pl.lit(2**bits - 1, pl.UInt128)
        whole = (pl.col("family") == family) & (pl.col("first") == 0) & (pl.col("last") == last)
        if found.select(whole.any()).item():
            message = f"the networks of the release add up to all of IPv{family}"
            raise ExportFailed(f"{message}; see `blocklist check` for who lists them")
