"""Addresses, CIDRs and ranges `first-last`, one a line; a port and further columns are left out."""

import polars as pl

from blocklist import networks
from blocklist.errors import Refused
from blocklist.parse.format import Format, Options, cut, refanged

_ADDRESS = r"[0-9a-fA-F:.]+"
_RANGE = rf"^({_ADDRESS}\s*-\s*{_ADDRESS})(?:[\s,;|].*)?$"
_FIRST_FIELD = r"^([^\s,;|]+)"


def _tokens(frame: pl.DataFrame, _options: Options) -> pl.DataFrame:
    bare = refanged(pl.col("text")).str.replace_all('"', "", literal=True)
    rows = frame.with_columns(span=bare.str.extract(_RANGE), field=bare.str.extract(_FIRST_FIELD))
    single = rows.filter(pl.col("span").is_null())
    address = pl.col("field").str.replace(r"^([0-9.]+):[0-9]{1,5}$", "$1")
    address = address.str.replace(r"^\[([^\]]*)\](?::[0-9]{1,5})?$", "$1")
    listed = cut(single, token=address.fill_null(pl.col("text")), read="ip")
    return listed.vstack(_ranges(rows.filter(pl.col("span").is_not_null())))


def _ranges(rows: pl.DataFrame) -> pl.DataFrame:
    answers = [_parts(span) for span in rows["span"]]
    parts = rows.with_columns(
        part=pl.Series([part for part, _ in answers], dtype=pl.List(pl.String)),
        refused=pl.Series([refused for _, refused in answers], dtype=pl.String),
    ).explode("part")
    return cut(parts, token=pl.coalesce("part", "span"), read="ip", reason=pl.col("refused"))


def _parts(span: str) -> tuple[list[str] | None, str | None]:
    try:
        return [networks.text(network) for network in networks.parse_range(span)], None
    except Refused as refused:
        return None, refused.reason


FORMAT = Format("ips", _tokens)
