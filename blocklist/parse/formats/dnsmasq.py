"""Parse dnsmasq settings that block names: `address=/x/`, `local=/x/`, `server=/x/` -> tokens.

Source: dnsmasq(8), --address, --server and --host-record. Each of the first two covers x and all
names below; `*.x` (since 2.86) covers only the names below. Redirect addresses are never used.
`server=/x/192.0.2.1` forwards x to another server and `server=/x/#` to the default ones, so neither
blocks; `/#/` means all names, `//` names without a dot. `host-record=x,0.0.0.0` blocks x alone.
"""

import polars as pl

from blocklist.model import Scope
from blocklist.parse.format import Format, make_tokens
from blocklist.parse.options import ParseOptions

_SETTING = r"^(?:address|local|server)\s*=\s*/(.*)/([^/\s]*)(?:\s+#.*)?$"
_FORWARD_SETTING = r"^(?:local|server)\s*=.*/[^/#\s][^/\s]*(?:\s+#.*)?$"
_DEFAULT_SERVER_SETTING = r"^(?:local|server)\s*=.*/#(?:\s+#.*)?$"
_SINK_RECORD = r"^host-record\s*=\s*([^,\s]+)(?:,(?:0\.0\.0\.0|::))+(?:\s+#.*)?$"
_SINK_ADDRESSES = ("", "#", "0.0.0.0", "::", "127.0.0.1", "::1")  # noqa: S104


def _extract_tokens(frame: pl.DataFrame, _options: ParseOptions) -> pl.DataFrame:
    groups = pl.col("text").str.extract_groups(_SETTING)
    record = pl.col("text").str.extract(_SINK_RECORD)
    rows = frame.with_columns(
        name=pl.coalesce(groups.struct.field("1").str.split("/"), pl.concat_list(record)),
        target=groups.struct.field("2"),
        is_record=record.is_not_null(),
    )
    rows = rows.explode("name").with_columns(bare=pl.col("name").str.strip_prefix("*."))
    is_below = pl.col("name") != pl.col("bare")
    return make_tokens(
        rows,
        token=pl.coalesce("bare", "text"),
        scope=pl.when("is_record")
        .then(pl.lit(Scope.EXACT.value))
        .when(is_below)
        .then(pl.lit(Scope.BELOW.value))
        .otherwise(pl.lit(Scope.SUBTREE.value)),
        reason=_refusal_reason(pl.col("text")),
        dropped=pl.when(~pl.col("target").is_in(_SINK_ADDRESSES)).then(pl.lit("redirect-address")),
    )


def _refusal_reason(text: pl.Expr) -> pl.Expr:
    cases = (
        ("other-setting", pl.col("name").is_null()),
        ("every-name", pl.col("name") == "#"),
        ("exception", text.str.contains(_DEFAULT_SERVER_SETTING)),
        ("forward", text.str.contains(_FORWARD_SETTING)),
    )
    return pl.coalesce(*(pl.when(applies).then(pl.lit(reason)) for reason, applies in cases))


FORMAT = Format("dnsmasq", _extract_tokens, comment_pattern=r"^#", detection_rank=100)
