"""Parse addresses, CIDRs and ranges `first-last`, one a line -> tokens; ports are dropped.

Commands that fill a set of ipset(8), nft(8) or RouterOS, and rules of iptables(8) that drop packets
are read, too, because lists of addresses are published in these forms.
"""

import polars as pl

from blocklist.frames.ranges import ranges_to_networks
from blocklist.parse.canonicalize import EXCEPTION
from blocklist.parse.format import Format, make_tokens, refang_column
from blocklist.parse.options import ParseOptions

_ADDRESS = r"[0-9a-fA-F:.]+"
_RANGE = rf"^(({_ADDRESS})\s*-\s*({_ADDRESS}))(?:[\s,;|].*)?$"
_FIRST_FIELD = r"^([^\s,;|]+)"
# The address in such a line is no indicator: a hosts file must not pass for a list of addresses.
_HOSTS_FILE_LINE = r"^(?:0\.0\.0\.0|127\.0\.0\.1|255\.255\.255\.255|::1?)\s+[^\s#;]*[A-Za-z]"
# Commands without an address: they make, empty and swap sets.
_COMMENT = (
    r"^(?:#|!|;|//|\*filter$|:\S+ |COMMIT$|\}$|(?:create|flush|swap|destroy) "
    r"|add (?:table|set|element) |/ip(?:v6)? firewall address-list remove )"
)
_COMMAND = r"^(?:add |-|/ip)"
_ADD_COMMAND = (
    r"^(?:add \S+ |/ip(?:v6)? firewall address-list add (?:\S+ )*?address=)"
    rf"({_ADDRESS}(?:/[0-9]+)?)(?:\s.*)?$"
)
_DROP_RULE = rf"^(?:-[46] )?-A \S+ -[sd] ({_ADDRESS}(?:/[0-9]+)?) -j (?:DROP|REJECT)\b.*$"


def _extract_tokens(frame: pl.DataFrame, _options: ParseOptions) -> pl.DataFrame:
    text = pl.col("text")
    if frame["text"].str.contains(_COMMAND).any():
        frame = frame.with_columns(
            pl.coalesce(text.str.extract(_ADD_COMMAND), text.str.extract(_DROP_RULE), text),
            is_exception=text.str.contains(r"^add .* nomatch\b"),
        )
    else:
        frame = frame.with_columns(is_exception=pl.lit(value=False))
    bare = text.str.replace_all('"', "", literal=True)
    rows = frame.with_columns(
        range=refang_column(bare).str.extract_groups(_RANGE), seen=bare.str.extract(_FIRST_FIELD)
    )
    is_hosts_line = pl.col("text").str.contains(_HOSTS_FILE_LINE)
    span = pl.col("range").struct.field("1")
    single = make_tokens(
        rows.filter(span.is_null()),
        token=pl.coalesce(_strip_port(refang_column(pl.col("seen"))), "text"),
        read="ip",
        reason=pl.when("is_exception")
        .then(pl.lit(EXCEPTION))
        .when(is_hosts_line)
        .then(pl.lit("line-of-hosts")),
    )
    return single.vstack(_extract_ranges(rows.filter(span.is_not_null())))


def _strip_port(address: pl.Expr) -> pl.Expr:
    ipv4 = address.str.replace(r"^([0-9.]+):[0-9]{1,5}$", "$1")
    return ipv4.str.replace(r"^\[([^\]]*)\](?::[0-9]{1,5})?$", "$1")


def _extract_ranges(rows: pl.DataFrame) -> pl.DataFrame:
    rows = rows.unnest("range").with_row_index("row")
    networks = ranges_to_networks(rows["2"], rows["3"])
    parts = rows.with_columns(seen="1").join(networks, on="row", maintain_order="left")
    return make_tokens(parts, token=pl.coalesce("value", "1"), read="ip", reason=pl.col("reason"))


FORMAT = Format("ips", _extract_tokens, comment_pattern=_COMMENT, detection_rank=50)
