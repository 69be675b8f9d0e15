"""Names that stand for their whole subtree, written `*.x` or, as many lists do, plainly `x`."""

import polars as pl

from blocklist.model import Scope
from blocklist.parse.domains import names
from blocklist.parse.format import Format, Options, Plain


def _tokens(frame: pl.DataFrame, _options: Options) -> pl.DataFrame:
    return names(frame, Scope.SUBTREE)


FORMAT = Format("wildcard", _tokens, plain=Plain(scope=Scope.SUBTREE))
