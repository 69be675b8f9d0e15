"""Parse Unbound's `local-zone: "x" TYPE` with a blocking type -> tokens for x and all below.

Source: unbound.conf(5), local-zone. Types that let names through are exceptions. Answers in
`local-data` are never used: its lines are only counted, and a name that has only `local-data` is
not listed. One form is a block of the name alone: the text `blocked` as its only data, as our own
exports write it, so that queries for an address get an empty answer.
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
# With data of its own the name is no exception, only the names below it are.
_DATA_TYPES = ("transparent", "typetransparent")
_BLOCKED_TEXT = (
    r"""^(?:server:\s*)?local-data:\s*["'](\S+)\s+(?:[0-9]+\s+)?(?:IN\s+)?TXT\s+blocked["']$"""
)
_LOCAL_DATA = r"^(?:server:\s*)?local-data(?:-ptr)?:\s"


def _extract_tokens(frame: pl.DataFrame, _options: ParseOptions) -> pl.DataFrame:
    groups = pl.col("text").str.extract_groups(_LOCAL_ZONE)
    rows = frame.with_columns(zone=groups.struct.field("1"), type=groups.struct.field("2"))
    rows = rows.with_columns(blocked=pl.col("text").str.extract(_BLOCKED_TEXT))
    return make_tokens(
        rows,
        token=pl.coalesce("zone", "blocked", "text"),
        scope=pl.when(pl.col("blocked").is_not_null())
        .then(pl.lit(Scope.EXACT.value))
        .when(pl.col("type").is_in(_DATA_TYPES))
        .then(pl.lit(Scope.BELOW.value))
        .otherwise(pl.lit(Scope.SUBTREE.value)),
        reason=_refusal_reason(pl.col("text")),
    )


def _refusal_reason(text: pl.Expr) -> pl.Expr:
    cases = (
        ("local-data", pl.col("blocked").is_null() & text.str.contains(_LOCAL_DATA)),
        ("other-setting", pl.col("zone").is_null() & pl.col("blocked").is_null()),
        ("every-name", pl.col("zone") == "."),
        ("exception", pl.col("type").is_in(_PASSING_TYPES)),
        ("unknown-type", ~pl.col("type").is_in(_BLOCKING_TYPES)),
    )
    return pl.coalesce(*(pl.when(applies).then(pl.lit(reason)) for reason, applies in cases))


# The start of a clause, such as `server:`, is a line without content.
_COMMENT = r"^(?:#|[a-z-]+:\s*(?:#.*)?$)"
FORMAT = Format("unbound", _extract_tokens, comment_pattern=_COMMENT, detection_rank=110)
