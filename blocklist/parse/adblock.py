"""Adblock-style rules, as far as DNS can carry them out: `||x^` blocks x and all below it.

Source: AdGuard's "DNS filtering rules syntax". Rules that only a browser can apply (paths, cosmetic
rules, limits to third parties) would block more than they mean when taken for their host alone, so
they are refused with the reason; so are exceptions (`@@`), for a block feed has no say in allows.
"""

import polars as pl

from blocklist.model import Scope
from blocklist.parse.format import Format, Options, Plain, cut

# `##` and its kin are cosmetic rules, and a lone `#` before anything else is a comment.
_COMMENT = r"^(?:!|\[.*\]$|#$|#[^#@?$%])"
_ANCHORED = r"^\|\|(\*\.)?([^/^$*|:\s]*[^/^$*|:\s.])(?:\.?\^\|?)?(?:\$(.+))?$"
_PLAIN = r"^([^/^$*|:\s]+)$"
_HARMLESS = r"^(?:important|all|document|doc)(?:,(?:important|all|document|doc))*$"


def _tokens(frame: pl.DataFrame, _options: Options) -> pl.DataFrame:
    text = pl.col("text")
    parts = text.str.extract_groups(_ANCHORED)
    rows = frame.with_columns(
        below=parts.struct.field("1"),
        name=parts.struct.field("2"),
        modifiers=parts.struct.field("3"),
        plain=text.str.extract(_PLAIN),
    )
    covers = pl.when(pl.col("below").is_not_null()).then(pl.lit(Scope.BELOW.value))
    anchored = pl.when(pl.col("name").is_not_null()).then(pl.lit(Scope.SUBTREE.value))
    return cut(
        rows,
        token=pl.coalesce("name", "plain", "text"),
        scope=pl.coalesce(covers, anchored, pl.lit(Scope.EXACT.value)),
        reason=_refusal(text),
    )


def _refusal(text: pl.Expr) -> pl.Expr:
    named = pl.col("name").is_not_null() | pl.col("plain").is_not_null()
    limited = pl.col("modifiers").is_not_null() & ~pl.col("modifiers").str.contains(_HARMLESS)
    cases = (
        ("exception", text.str.starts_with("@@")),
        ("cosmetic", text.str.contains(r"#[@?$%]{0,2}#")),
        ("regex", text.str.contains(r"^/.*/(?:\$.*)?$")),
        ("modifier", limited),
        ("path", ~named & text.str.contains(r"^(?:\|\||\|?https?://)[^/]+/")),
        ("pattern", ~named),
    )
    return pl.coalesce(*(pl.when(applies).then(pl.lit(reason)) for reason, applies in cases))


FORMAT = Format("adblock", _tokens, comment=_COMMENT, plain=Plain("||", "^", Scope.SUBTREE))
