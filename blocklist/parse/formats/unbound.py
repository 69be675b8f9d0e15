"""Parse Unbound's `local-zone: "x" TYPE` with a blocking type -> tokens for x and all below.

Source: unbound.conf(5), local-zone. Types that let names through are exceptions, which a block feed
must not make. Answers in `local-data` are never used: its lines are only counted, and a name that
has only `local-data` is not listed.
"""

import polars as pl

from blocklist.model import Scope
from blocklist.parse.format import Format, make_tokens
from blocklist.parse.options import ParseOptions

_BLOCKING_TYPES = (
    "always_deny",
    "always_nodata",
    "always_null",
    "always_nxdomain",
    "always_refuse",
    "deny",
    "inform_deny",
    "inform_redirect",
    "redirect",
    "refuse",
    "static",
)
_PASSING_TYPES = (
    "always_transparent",
    "block_a",
    "inform",
    "ipset",
    "nodefault",
    "noview",
    "transparent",
    "typetransparent",
)
_LOCAL_ZONE = (
    r"""^(?:server:\s*)?local-zone:\s*["']?([^"'\s]*)["']?\s+["']?([a-z_]+)["']?\s*(?:#.*)?$"""
)
_LOCAL_DATA = r"^(?:server:\s*)?local-data(?:-ptr)?:\s"


def _extract_tokens(frame: pl.DataFrame, _options: ParseOptions) -> pl.DataFrame:
    groups = pl.col("text").str.extract_groups(_LOCAL_ZONE)
    rows = frame.with_columns(zone=groups.struct.field("1"), type=groups.struct.field("2"))
    return make_tokens(
        rows,
        token=pl.coalesce("zone", "text"),
        scope=Scope.SUBTREE,
        reason=_refusal_reason(pl.col("text")),
    )


def _refusal_reason(text: pl.Expr) -> pl.Expr:
    cases = (
        ("local-data", text.str.contains(_LOCAL_DATA)),
        ("other-setting", pl.col("zone").is_null()),
        ("every-name", pl.col("zone") == "."),
        ("exception", pl.col("type").is_in(_PASSING_TYPES)),
        ("unknown-type", ~pl.col("type").is_in(_BLOCKING_TYPES)),
    )
    return pl.coalesce(*(pl.when(applies).then(pl.lit(reason)) for reason, applies in cases))


# The start of a clause, such as `server:`, is a line without content.
_COMMENT = r"^(?:#|[a-z-]+:\s*(?:#.*)?$)"
FORMAT = Format("unbound", _extract_tokens, comment_pattern=_COMMENT, detection_rank=110)
