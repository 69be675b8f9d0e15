"""Addresses, CIDRs and ranges `first-last`, one a line; a port and further columns are left out."""

import polars as pl

from blocklist.columns import networks
from blocklist.parse.format import Format, Options, cut, refanged

_ADDRESS = r"[0-9a-fA-F:.]+"
_RANGE = rf"^(({_ADDRESS})\s*-\s*({_ADDRESS}))(?:[\s,;|].*)?$"
_FIRST_FIELD = r"^([^\s,;|]+)"


# A line of a hosts file: the address says nothing, so a hosts list is never taken for addresses.
_HOSTS = r"^(?:0\.0\.0\.0|127\.0\.0\.1|255\.255\.255\.255|::1?)\s+[^\s#;]*[A-Za-z]"


def _tokens(frame: pl.DataFrame, _options: Options) -> pl.DataFrame:
    bare = pl.col("text").str.replace_all('"', "", literal=True)
    parts = refanged(bare).str.extract_groups(_RANGE)
    fields = [parts.struct.field(str(place + 1)).alias(name) for place, name in enumerate(_SPAN)]
    rows = frame.with_columns(*fields, seen=bare.str.extract(_FIRST_FIELD))
    single = rows.filter(pl.col("span").is_null())
    address = refanged(pl.col("seen")).str.replace(r"^([0-9.]+):[0-9]{1,5}$", "$1")
    address = address.str.replace(r"^\[([^\]]*)\](?::[0-9]{1,5})?$", "$1")
    hosts = pl.when(pl.col("text").str.contains(_HOSTS)).then(pl.lit("line-of-a-hosts-file"))
    listed = cut(single, token=address.fill_null(pl.col("text")), read="ip", reason=hosts)
    return listed.vstack(_ranges(rows.filter(pl.col("span").is_not_null())))


_SPAN = ("span", "lower", "upper")


def _ranges(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the networks that make up each range, as tokens."""
    lower, upper = (networks.canonical(rows[end]) for end in ("lower", "upper"))
    refused = lower["reason"].fill_null(upper["reason"])
    rows = rows.select("line", seen="span", token="span", reason=refused)
    bounded = rows["reason"].is_null()
    first, last = (networks.spans(end["value"].filter(bounded)) for end in (lower, upper))
    spans = first.select("family", "first", last=last["last"])
    ordered = (first["family"] == last["family"]) & (spans["first"] <= spans["last"])
    ranges = rows.filter(bounded).with_columns(
        reason=pl.when(~ordered).then(pl.lit("range-reversed"))
    )
    good = ranges.filter(ordered).with_row_index("row")
    split = good.join(networks.blocks(spans.filter(ordered)), on="row", maintain_order="left")
    parts = [
        split.select("line", "seen", "reason", token="value"),
        pl.concat([ranges.filter(~ordered), rows.filter(~bounded)]),
    ]
    return cut(
        pl.concat(parts, how="diagonal"), token=pl.col("token"), read="ip", reason=pl.col("reason")
    )


FORMAT = Format("ips", _tokens)
