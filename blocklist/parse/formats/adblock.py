"""Parse Adblock-style rules: lines -> tokens; `||x^` blocks x and all names below it.

Source: AdGuard's "DNS filtering rules syntax". Rules that only a browser can apply (paths, cosmetic
rules, limits to third parties) would block too much if reduced to their host, so they are refused
with the reason. Exceptions (`@@`) are refused too: a block feed must not allow anything.
"""

import polars as pl

from blocklist.model import Scope
from blocklist.parse.format import FastPath, Format, make_tokens
from blocklist.parse.options import ParseOptions

# `##`, `#@#` and the like start cosmetic rules; `#` before any other text starts a comment.
_COMMENT = r"^(?:!|\[.*\]$|#$|#[^#@?$%])"
_ANCHORED_RULE = r"^\|\|(\*\.)?([^/^$*|:\s]*[^/^$*|:\s.])(?:\.?\^\|?)?(?:\$(.+))?$"
_PLAIN_NAME = r"^([^/^$*|:\s]+)$"
_HARMLESS_MODIFIERS = r"^(?:important|all|document|doc)(?:,(?:important|all|document|doc))*$"


def _extract_tokens(frame: pl.DataFrame, _options: ParseOptions) -> pl.DataFrame:
    text = pl.col("text")
    groups = text.str.extract_groups(_ANCHORED_RULE)
    rows = frame.with_columns(
        wildcard=groups.struct.field("1"),
        name=groups.struct.field("2"),
        modifiers=groups.struct.field("3"),
        plain=text.str.extract(_PLAIN_NAME),
    )
    below = pl.when(pl.col("wildcard").is_not_null()).then(pl.lit(Scope.BELOW.value))
    subtree = pl.when(pl.col("name").is_not_null()).then(pl.lit(Scope.SUBTREE.value))
    return make_tokens(
        rows,
        token=pl.coalesce("name", "plain", "text"),
        scope=pl.coalesce(below, subtree, pl.lit(Scope.EXACT.value)),
        reason=_refusal_reason(text),
    )


def _refusal_reason(text: pl.Expr) -> pl.Expr:
    has_name = pl.col("name").is_not_null() | pl.col("plain").is_not_null()
    is_limited = pl.col("modifiers").is_not_null() & ~pl.col("modifiers").str.contains(
        _HARMLESS_MODIFIERS
    )
    cases = (
        ("exception", text.str.starts_with("@@")),
        ("cosmetic", text.str.contains(r"#[@?$%]{0,2}#")),
        ("regex", text.str.contains(r"^/.*/(?:\$.*)?$")),
        ("modifier", is_limited),
        ("path", ~has_name & text.str.contains(r"^(?:\|\||\|?https?://)[^/]+/")),
        ("pattern", ~has_name),
    )
    return pl.coalesce(*(pl.when(applies).then(pl.lit(reason)) for reason, applies in cases))


FORMAT = Format(
    "adblock",
    _extract_tokens,
    comment_pattern=_COMMENT,
    detection_rank=90,
    fast_path=FastPath("||", "^", Scope.SUBTREE),
)
