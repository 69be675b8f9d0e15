"""Classify texts of any kind: URL, network, address with port or host -> tokens.

Shared by the formats csv, json and maltrail.
"""

import polars as pl

from blocklist.model import Scope
from blocklist.parse.format import make_tokens, refang_column, scope_as_written, strip_wildcard

#: A text that starts as a link does, defanged or not.
URL_SCHEME = r"(?i)^[a-z*][a-z0-9+.*-]*(?::|\[:\]|\[:)?(?:\[?:?//)"
#: A link without its scheme: something before a slash, or before a port.
_URL_WITHOUT_SCHEME = r"^[^\s/]+/|^[^\s/:]+:[0-9]{1,5}$"
_NETWORK = r"^(?:[0-9.]+|[0-9a-fA-F]*:[0-9a-fA-F:.]*)/[0-9]{1,3}$"
_ADDRESS_WITH_PORT = r"^(?:([0-9]{1,3}(?:\.[0-9]{1,3}){3})|\[([0-9a-fA-F:.]+)\])(?::[0-9]{1,5})?$"


def extract_any_kind(frame: pl.DataFrame, reason: pl.Expr | None = None) -> pl.DataFrame:
    """Return the tokens of a frame with `line` and `text`; a port of an address is left out."""
    rows = frame.with_columns(seen=pl.col("text"), bare=refang_column(pl.col("text")))
    text, bare = pl.col("text"), pl.col("bare")
    service = bare.str.extract_groups(_ADDRESS_WITH_PORT)
    rows = rows.with_columns(
        service=pl.coalesce(service.struct.field("1"), service.struct.field("2")),
        schemed=text.str.contains(URL_SCHEME),
        network=bare.str.contains(_NETWORK),
        pathed=bare.str.contains(_URL_WITHOUT_SCHEME),
    )
    schemed, pathed = pl.col("schemed"), pl.col("pathed")
    ip = ~schemed & (pl.col("network") | pl.col("service").is_not_null())
    url = schemed | (pathed & ~ip)
    token = (
        pl.when(ip)
        .then(pl.coalesce("service", "bare"))
        .when(schemed)
        .then("text")
        .when(pathed)
        .then("http://" + text)
        .otherwise(strip_wildcard(bare))
    )
    return make_tokens(
        rows,
        token=token,
        read=pl.when(ip).then(pl.lit("ip")).when(url).then(pl.lit("url")).otherwise(pl.lit("host")),
        scope=scope_as_written(bare, Scope.EXACT),
        reason=reason,
    )
