"""Convert columns of address ranges: first and last address -> networks, or a refusal reason."""

import polars as pl

from blocklist.frames.networks import (
    canonicalize_networks,
    networks_to_spans,
    spans_to_network_rows,
)


def ranges_to_networks(lower: pl.Series, upper: pl.Series) -> pl.DataFrame:
    """Return the networks that make up each inclusive range: `row`, its index, and `value`.

    A range that is not valid has one row, with the `reason` and no `value`.
    """
    ends = [canonicalize_networks(end) for end in (lower, upper)]
    rows = pl.DataFrame({"reason": ends[0]["reason"].fill_null(ends[1]["reason"])})
    rows = rows.with_row_index("row")
    is_valid = rows["reason"].is_null()
    first, last = (networks_to_spans(end["value"].filter(is_valid)) for end in ends)
    ordered = (first["family"] == last["family"]) & (first["first"] <= last["last"])
    rows = rows.filter(~is_valid).vstack(
        rows.filter(is_valid).with_columns(reason=pl.when(~ordered).then(pl.lit("range-reversed")))
    )
    spans = first.select("family", "first", last=last["last"]).filter(ordered)
    range_rows = rows.filter(pl.col("reason").is_null())["row"]
    blocks = spans_to_network_rows(spans)
    blocks = blocks.with_columns(row=range_rows.gather(blocks["row"]))
    refused = rows.drop_nulls("reason")
    return pl.concat([blocks, refused], how="diagonal").sort("row", maintain_order=True)
