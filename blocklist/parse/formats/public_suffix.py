"""Parse the Public Suffix List: rules -> tokens; the scope of a token is the kind of its rule.

Source: https://github.com/publicsuffix/list/wiki/Format. A rule ends at the first white space; `//`
starts a comment, also those that mark the sections, which are both read.
"""

import polars as pl

from blocklist.model import Scope
from blocklist.parse.format import Format, make_tokens
from blocklist.parse.options import ParseOptions

#: The scopes of rules: `co.uk` is a suffix itself, `*.ck` makes every name directly below it a
#: suffix, and `!www.ck` excludes one of these, which owns its subtree.
RULE_SCOPE, WILDCARD_SCOPE, EXCEPTION_SCOPE = Scope.EXACT, Scope.BELOW, Scope.SUBTREE


def _extract_tokens(frame: pl.DataFrame, _options: ParseOptions) -> pl.DataFrame:
    rows = frame.with_columns(seen=pl.col("text").str.extract(r"^(\S+)"))
    rule = pl.col("seen")
    is_wildcard, is_exception = rule.str.starts_with("*."), rule.str.starts_with("!")
    return make_tokens(
        rows,
        token=rule.str.replace(r"^(?:\*\.|!)", ""),
        read="suffix",
        scope=pl.when(is_wildcard)
        .then(pl.lit(WILDCARD_SCOPE.value))
        .when(is_exception)
        .then(pl.lit(EXCEPTION_SCOPE.value))
        .otherwise(pl.lit(RULE_SCOPE.value)),
    )


FORMAT = Format("public-suffix", _extract_tokens, comment_pattern=r"^//")
