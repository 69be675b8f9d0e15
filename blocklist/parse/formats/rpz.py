"""Parse response policy zones: `x CNAME .` blocks x, `*.x CNAME .` the names below x -> tokens.

Source: draft-vixie-dnsop-dns-rpz; RFC 1035 section 5 for the file. Any action except pass-through
(`rpz-passthru.`, or a name that is its own target) is read as a block; redirect targets are never
used. `rpz-ip` rows give networks; triggers on servers and clients identify no name. Lines are read
as columns, one record a line, as zones of this size are written: a general zone parser takes a
minute for a million of them, and stops at the first bad line.
"""

import polars as pl

from blocklist.model import Scope
from blocklist.parse.format import Format, make_tokens
from blocklist.parse.lines import number_lines, split_raw_lines
from blocklist.parse.options import ParseOptions

_TTL = r"(?:[0-9][0-9smhdwSMHDW]*|(?i:IN))\s+"
_RECORD = rf"^(\S+)\s+(?:{_TTL}){{0,2}}(?i:CNAME|A|AAAA)\s+([^\s;]+)\s*(?:;.*)?$"
_SOA_RECORD = rf"^(\S+)\s+(?:{_TTL}){{0,2}}(?i:SOA)\s"
_ORIGIN_DIRECTIVE = r"^\$(?i:ORIGIN)\s+(\S+)"
# Lines that every zone has: $TTL, SOA with its numbers, NS, and the records of DNSSEC.
_NON_LISTING_LINE = (
    r"^(?:;|\$(?i:TTL|ORIGIN)\s|[0-9smhdwSMHDW\s()]+(?:;.*)?$"
    rf"|(?:\S+\s+)?(?:{_TTL}){{0,2}}(?i:SOA|NS|DNSKEY|RRSIG|NSEC|NSEC3|NSEC3PARAM|ZONEMD)\s)"
)
_SINK_TARGETS = (".", "*.", "rpz-drop.", "rpz-tcp-only.", "0.0.0.0", "127.0.0.1", "::", "::1")  # noqa: S104
_OTHER_TRIGGER = r"(?:^|\.)rpz-(?:nsdname|nsip|client-ip)$"


def _split_lines(text: bytes, options: ParseOptions) -> pl.DataFrame:
    """Return the lines with `zone` and `owner`, completed and repeated where a line omits it."""
    origin, owner, zone = options.state or (None, None, options.zone.rstrip(".") or None)
    lines = number_lines(split_raw_lines(text)).with_columns(
        indented=pl.col("text").str.contains(r"^[ \t]")
    )
    content = pl.col("text").str.strip_chars(" \t\f\v")
    lines = lines.with_columns(text=content, origin=content.str.extract(_ORIGIN_DIRECTIVE))
    lines = lines.with_columns(
        origin=pl.col("origin").forward_fill().fill_null(_text_literal(origin))
    )
    written = pl.when(~pl.col("indented")).then(content.str.extract(r"^([^\s;$][^\s;]*)"))
    lines = lines.with_columns(
        owner=_add_origin(written).forward_fill().fill_null(_text_literal(owner))
    )
    return lines.with_columns(zone=_text_literal(zone or _find_zone(lines)))


def _text_literal(value: str | None) -> pl.Expr:
    return pl.lit(value, pl.String)


def _add_origin(owner: pl.Expr) -> pl.Expr:
    """Return an owner completed with `$ORIGIN`; `@` stands for the origin alone."""
    origin = pl.col("origin")
    return (
        pl.when(owner.str.ends_with(".") | origin.is_null() | (origin == "."))
        .then(owner)
        .when(owner == "@")
        .then(origin)
        .otherwise(pl.concat_str(owner, pl.lit("."), origin))
    )


def _find_zone(lines: pl.DataFrame) -> str | None:
    """Return the zone's name: the owner of its SOA, or the first `$ORIGIN`."""
    soa = lines.filter(pl.col("text").str.contains(_SOA_RECORD))["owner"].str.strip_suffix(".")
    origin = lines["origin"].drop_nulls().str.strip_suffix(".")
    names = [name for name in (*soa.head(1), *origin.head(1)) if name not in ("", "@", None)]
    return names[0] if names else None


def _next_state(lines: pl.DataFrame, options: ParseOptions) -> tuple[str | None, ...]:
    if lines.is_empty():
        return options.state
    origin, owner, zone = lines.select("origin", "owner", "zone").row(-1)
    return origin, owner, zone


def _extract_tokens(frame: pl.DataFrame, _options: ParseOptions) -> pl.DataFrame:
    text = pl.when("indented").then("@ " + pl.col("text")).otherwise("text")
    record = text.str.extract_groups(_RECORD)
    rows = frame.with_columns(name=_relative_to_zone(frame), target=record.struct.field("2"))
    rows = rows.with_columns(
        network=_decode_network(pl.col("name")),
        bare=pl.col("name").str.strip_prefix("*."),
        reason=_refusal_reason(),
    )
    is_network = pl.col("network").is_not_null()
    is_redirect = ~pl.col("target").str.to_lowercase().is_in(_SINK_TARGETS)
    return make_tokens(
        rows,
        token=pl.coalesce("network", "bare", "text"),
        read=pl.when(is_network).then(pl.lit("ip")).otherwise(pl.lit("host")),
        scope=_combine_scopes(),
        reason=pl.col("reason"),
        dropped=pl.when(is_redirect).then(pl.lit("redirect-address")),
    )


def _relative_to_zone(rows: pl.DataFrame) -> pl.Series:
    """Return each owner relative to the zone, `@` for the zone itself, null outside of it."""
    zone = rows["zone"].first() if rows.height else None
    bare = pl.col("owner").str.strip_suffix(".")
    absolute = pl.col("owner").str.ends_with(".")
    if zone is None:
        return rows.select(name=pl.when(~absolute).then("owner")).to_series()
    suffix = f".{str(zone).lower()}"
    inside = bare.str.to_lowercase().str.ends_with(suffix)
    apex = ("." + bare.str.to_lowercase()) == suffix
    name = (
        pl.when(inside)
        .then(bare.str.head(-len(suffix)))
        .when(apex)
        .then(pl.lit("@"))
        .when(~absolute)
        .then("owner")
    )
    return rows.select(name=name).to_series()


def _decode_network(name: pl.Expr) -> pl.Expr:
    """Return the network of an owner such as `24.0.2.0.192.rpz-ip`: reversed, `zz` for `::`."""
    labels = name.str.extract(r"(?i)^(.*)\.rpz-ip$").str.to_lowercase().str.split(".")
    prefix, parts = labels.list.first(), labels.list.slice(1).list.reverse()
    ipv4 = parts.list.join(".")
    ipv6 = parts.list.join(":").str.replace(r"(?:^|:)zz(?::|$)", "::")
    is_ipv4 = (parts.list.len() == 4) & ~ipv4.str.contains("zz")
    return pl.when(is_ipv4).then(ipv4).otherwise(ipv6) + "/" + prefix


def _combine_scopes() -> pl.Expr:
    """Return the scope of each row: subtree for a name that is listed both as x and `*.x`."""
    is_listed = pl.col("reason").is_null()
    is_below = pl.col("name") != pl.col("bare")
    name = pl.col("bare").str.to_lowercase()
    both = (is_below & is_listed).any().over(name) & (~is_below & is_listed).any().over(name)
    return (
        pl.when(both)
        .then(pl.lit(Scope.SUBTREE.value))
        .when(is_below)
        .then(pl.lit(Scope.BELOW.value))
        .otherwise(pl.lit(Scope.EXACT.value))
    )


def _refusal_reason() -> pl.Expr:
    name = pl.col("name").str.to_lowercase()
    target = pl.col("target").str.to_lowercase().str.strip_suffix(".")
    cases = (
        ("other-record", pl.col("target").is_null() | (name == "@")),
        ("outside-zone", pl.col("name").is_null()),
        ("trigger", name.str.contains(_OTHER_TRIGGER)),
        ("exception", (target == "rpz-passthru") | (target == name)),
        ("every-name", name == "*"),
    )
    return pl.coalesce(*(pl.when(applies).then(pl.lit(reason)) for reason, applies in cases))


FORMAT = Format(
    "rpz",
    _extract_tokens,
    comment_pattern=_NON_LISTING_LINE,
    split_lines=_split_lines,
    next_state=_next_state,
    detection_rank=120,
)
