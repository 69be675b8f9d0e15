"""Parse names that cover their whole subtree, written `*.x` or plain `x` -> tokens."""

import polars as pl

from blocklist.model import Scope
from blocklist.parse.format import FastPath, Format
from blocklist.parse.formats.domains import extract_name_tokens
from blocklist.parse.options import ParseOptions


def _extract_tokens(frame: pl.DataFrame, _options: ParseOptions) -> pl.DataFrame:
    return extract_name_tokens(frame, Scope.SUBTREE)


FORMAT = Format(
    "wildcard", _extract_tokens, detection_rank=70, fast_path=FastPath(scope=Scope.SUBTREE)
)
