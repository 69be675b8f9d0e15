"""Classify texts of any kind: URL, network, address with port or host -> tokens.

Shared by the formats csv, json and maltrail.
"""

import polars as pl

from blocklist.model import Scope
from blocklist.parse.format import make_tokens, refang_column, scope_as_written, strip_wildcard

#: A text that starts with the scheme of a URL, defanged or not.
URL_SCHEME = r"(?i)^[a-z*][a-z0-9+.*-]*(?::|\[:\]|\[:)?(?:\[?:?//)"
#: A URL without its scheme: a text before a slash, or before a port.
_URL_WITHOUT_SCHEME = r"^[^\s/]+/|^[^\s/:]+:[0-9]{1,5}$"
_NETWORK = r"^(?:[0-9.]+|[0-9a-fA-F]*:[0-9a-fA-F:.]*)/[0-9]{1,3}$"
_ADDRESS_WITH_PORT = r"^(?:([0-9]{1,3}(?:\.[0-9]{1,3}){3})|\[([0-9a-fA-F:.]+)\])(?::[0-9]{1,5})?$"


def extract_any_kind(frame: pl.DataFrame, reason: pl.Expr | None = None) -> pl.DataFrame:
    """Return the tokens of a frame with `line` and `text`; the port of an address is dropped."""
    rows = frame.with_columns(seen=pl.col("text"), bare=refang_column(pl.col("text")))
    text, bare = pl.col("text"), pl.col("bare")
    ipv4_or_ipv6 = bare.str.extract_groups(_ADDRESS_WITH_PORT)
    rows = rows.with_columns(
        address=pl.coalesce(ipv4_or_ipv6.struct.field("1"), ipv4_or_ipv6.struct.field("2")),
        has_scheme=text.str.contains(URL_SCHEME),
        is_network=bare.str.contains(_NETWORK),
        has_path=bare.str.contains(_URL_WITHOUT_SCHEME),
    )
    has_scheme, has_path = pl.col("has_scheme"), pl.col("has_path")
    is_ip = ~has_scheme & (pl.col("is_network") | pl.col("address").is_not_null())
    token = (
        pl.when(is_ip)
        .then(pl.coalesce("address", "bare"))
        .when(has_scheme | has_path)
        .then("text")
        .otherwise(strip_wildcard(bare))
    )
    return make_tokens(
        rows,
        token=token,
        read=pl.when(is_ip)
        .then(pl.lit("ip"))
        .when(has_scheme)
        .then(pl.lit("url"))
        .when(has_path)
        .then(pl.lit("schemeless-url"))
        .otherwise(pl.lit("host")),
        scope=scope_as_written(bare, Scope.EXACT),
        reason=reason,
    )
