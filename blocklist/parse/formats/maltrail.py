"""Parse Maltrail's static trails: names, addresses, `address:port`, URLs, `name/path` -> tokens.

Source: https://github.com/stamparm/maltrail (README, "Custom trails"; core/update.py reads them).
`#` starts a comment anywhere, because files are often concatenated without a line end. Paths of any
host and regular expressions identify no host. For its trails.csv use the format csv.
"""

import polars as pl

from blocklist.parse.any_kind import extract_any_kind
from blocklist.parse.format import Format
from blocklist.parse.options import ParseOptions


def _extract_tokens(frame: pl.DataFrame, _options: ParseOptions) -> pl.DataFrame:
    rows = frame.with_columns(pl.col("text").str.replace(r"\s*#.*$", ""))
    text = pl.col("text")
    cases = (
        ("path", text.str.starts_with("/")),
        ("regex", text.str.contains(r"[\\(){}|^$]")),
        ("several-words", text.str.contains(r"\s")),
    )
    reason = pl.coalesce(*(pl.when(applies).then(pl.lit(reason)) for reason, applies in cases))
    return extract_any_kind(rows, reason)


FORMAT = Format("maltrail", _extract_tokens, comment_pattern=r"^#", detection_rank=130)
