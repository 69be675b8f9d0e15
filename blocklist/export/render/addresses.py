"""Blocked address ranges: network rows -> sorted, disjoint spans.

The longest prefix that covers an address decides; a tie allows.
"""

import polars as pl

from blocklist.errors import ExportFailed, InvalidIndicator
from blocklist.frames.networks import SPAN_SCHEMA, merge_spans, networks_to_spans, subtract_spans

_ADDRESS_BITS = {4: 32, 6: 128}


def compute_blocked_spans(rows: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the blocked spans, disjoint and sorted, and how many rows were left out, by reason.

    A block of all addresses is left out. Raise `ExportFailed` if other networks add up to one.
    """
    networks = _add_prefix(rows)
    everything = networks.filter(pl.col("prefix") == 0, pl.col("action") == "block").height
    networks = networks.filter(pl.col("prefix") > 0)
    blocks, allows = (networks.filter(pl.col("action") == action) for action in ("block", "allow"))
    blocked, done = SPAN_SCHEMA.to_frame(), 0
    for prefix in sorted(allows["prefix"].unique()):
        wider = blocks.filter(pl.col("prefix").is_between(done + 1, prefix))
        holes = allows.filter(pl.col("prefix") == prefix)
        blocked = subtract_spans(_concat_spans(blocked, wider), holes.select(SPAN_SCHEMA.names()))
        done = prefix
    blocked = merge_spans(_concat_spans(blocked, blocks.filter(pl.col("prefix") > done)))
    _refuse_everything(blocked)
    return blocked, {"everything": everything} if everything else {}


def _add_prefix(rows: pl.DataFrame) -> pl.DataFrame:
    values = rows["value"]
    try:
        spans = networks_to_spans(values)
    except InvalidIndicator:
        message = "the release holds a text that is no address; rebuild the release"
        raise ExportFailed(message) from None
    prefix = values.str.extract(r"/([0-9]+)$").cast(pl.UInt8)
    bits = spans["family"].replace_strict(_ADDRESS_BITS, return_dtype=pl.UInt8)
    return spans.with_columns(rows["action"], prefix=prefix.fill_null(bits))


def _concat_spans(spans: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([spans, others.select(SPAN_SCHEMA.names())])


def _refuse_everything(spans: pl.DataFrame) -> None:
    for family, bits in _ADDRESS_BITS.items():
        last = pl.lit(2**bits - 1, pl.UInt128)
        is_everything = (
            (pl.col("family") == family) & (pl.col("first") == 0) & (pl.col("last") == last)
        )
        if spans.select(is_everything.any()).item():
            message = f"the networks of the release add up to all of IPv{family}"
            raise ExportFailed(f"{message}; see `blocklist check` for who lists them")
