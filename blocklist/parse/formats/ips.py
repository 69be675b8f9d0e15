"""Parse addresses, CIDRs and ranges `first-last`, one a line -> tokens; ports are dropped."""

import polars as pl

from blocklist.frames.ranges import ranges_to_networks
from blocklist.parse.format import Format, make_tokens, refang_column
from blocklist.parse.options import ParseOptions

_ADDRESS = r"[0-9a-fA-F:.]+"
_RANGE = rf"^(({_ADDRESS})\s*-\s*({_ADDRESS}))(?:[\s,;|].*)?$"
_FIRST_FIELD = r"^([^\s,;|]+)"
# The address in such a line is no indicator: a hosts file must not pass for a list of addresses.
_HOSTS_FILE_LINE = r"^(?:0\.0\.0\.0|127\.0\.0\.1|255\.255\.255\.255|::1?)\s+[^\s#;]*[A-Za-z]"


def _extract_tokens(frame: pl.DataFrame, _options: ParseOptions) -> pl.DataFrame:
    bare = pl.col("text").str.replace_all('"', "", literal=True)
    rows = frame.with_columns(
        range=refang_column(bare).str.extract_groups(_RANGE), seen=bare.str.extract(_FIRST_FIELD)
    )
    is_hosts_line = pl.col("text").str.contains(_HOSTS_FILE_LINE)
    span = pl.col("range").struct.field("1")
    single = make_tokens(
        rows.filter(span.is_null()),
        token=pl.coalesce(_strip_port(refang_column(pl.col("seen"))), "text"),
        read="ip",
        reason=pl.when(is_hosts_line).then(pl.lit("line-of-hosts")),
    )
    return single.vstack(_extract_ranges(rows.filter(span.is_not_null())))


def _strip_port(address: pl.Expr) -> pl.Expr:
    ipv4 = address.str.replace(r"^([0-9.]+):[0-9]{1,5}$", "$1")
    return ipv4.str.replace(r"^\[([^\]]*)\](?::[0-9]{1,5})?$", "$1")


def _extract_ranges(rows: pl.DataFrame) -> pl.DataFrame:
    rows = rows.unnest("range").with_row_index("row")
    networks = ranges_to_networks(rows["2"], rows["3"])
    parts = rows.with_columns(seen="1").join(networks, on="row", maintain_order="left")
    return make_tokens(parts, token=pl.coalesce("value", "1"), read="ip", reason=pl.col("reason"))


FORMAT = Format("ips", _extract_tokens, detection_rank=50)
