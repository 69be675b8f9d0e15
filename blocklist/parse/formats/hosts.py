"""Parse hosts files (hosts(5)): an address, then one or more names -> tokens.

The address is never used: the names are listed, and an address other than the usual sinks is
counted as `redirect-address`.
"""

import polars as pl

from blocklist.parse.format import FastPath, Format, make_tokens
from blocklist.parse.options import ParseOptions

_SINK_ADDRESSES = ("0.0.0.0", "127.0.0.1", "::", "::1", "0", "255.255.255.255", "fe80::1%lo0")  # noqa: S104
_ADDRESS = r"0|[0-9]+(?:\.[0-9]+){3}|[0-9a-fA-F]*:[0-9a-fA-F:.]*(?:%[0-9A-Za-z]+)?"
_LINE = rf"^({_ADDRESS})\s+([^#\s].*)$"


def _extract_tokens(frame: pl.DataFrame, _options: ParseOptions) -> pl.DataFrame:
    groups = pl.col("text").str.extract_groups(_LINE)
    address, names = groups.struct.field("1"), groups.struct.field("2")
    rows = frame.with_columns(address=address, names=names.str.replace(r"\s*#.*$", ""))
    listed = rows.drop_nulls("names").with_columns(
        pl.col("names").str.extract_all(r"\S+").alias("name")
    )
    is_redirect = ~pl.col("address").is_in(_SINK_ADDRESSES)
    tokens = make_tokens(
        listed.explode("name"),
        token=pl.col("name"),
        dropped=pl.when(is_redirect).then(pl.lit("redirect-address")),
    )
    rest = rows.filter(pl.col("names").is_null())
    return tokens.vstack(
        make_tokens(rest, token=pl.col("text"), reason=pl.lit("no-address-and-name"))
    )


FORMAT = Format("hosts", _extract_tokens, detection_rank=40, fast_path=FastPath("0.0.0.0 "))
