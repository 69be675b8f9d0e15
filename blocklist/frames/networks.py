"""Canonicalize and combine columns of IP networks: texts -> networks or address spans.

`blocklist.indicators.networks` defines the canonical form and cites its sources. A span has the
columns `family` (4 or 6), `first` and `last` (inclusive, unsigned 128 bit for both families).
"""

from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv6Network

import polars as pl

from blocklist.frames.map_unique import map_unique
from blocklist.indicators.networks import format_network, parse_browser_ipv4, parse_network

SPAN_SCHEMA = pl.Schema({"family": pl.UInt8, "first": pl.UInt128, "last": pl.UInt128})

_OCTET = r"(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"^{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}(?:/(3[0-2]|[12]?[0-9]))?$"
_ADDRESS_BITS = {4: 32, 6: 128}
_OCTET_TEXTS = pl.Series(map(str, range(256)))


def canonicalize_networks(texts: pl.Series) -> pl.DataFrame:
    """Return `value` (the canonical network or null) and `reason` (why it is refused, or null).

    Dotted decimals, by far the most, are read as columns; every other spelling by the scalar form.
    """
    return _canonicalize_column(texts, texts, lambda text: format_network(parse_network(text)))


def canonicalize_numeric_hosts(texts: pl.Series) -> pl.DataFrame:
    """Return the same for hosts that are numbers, read as browsers do (WHATWG URL)."""
    return _canonicalize_column(texts, texts.str.extract(r"^([0-9.]+)$"), parse_browser_ipv4)


def _canonicalize_column(
    texts: pl.Series, plain: pl.Series, other: Callable[[str], str]
) -> pl.DataFrame:
    """Read dotted decimals among the `plain` texts as columns, everything else by `other`."""
    value = _parse_ipv4(plain).select(_format_ipv4(pl.col("first"), pl.col("prefix"))).to_series()
    frame = pl.DataFrame({"text": texts, "value": value})
    odd = map_unique(frame.filter(pl.col("value").is_null())["text"], other)
    joined = frame.join(odd, on="text", how="left", maintain_order="left")
    return joined.select(value=pl.coalesce("value", "mapped"), reason="refused")


def _parse_ipv4(texts: pl.Series) -> pl.DataFrame:
    """Return `first` (host bits cleared, null if no dotted decimal), `last` and `prefix`."""
    # One pattern that only tells, and then splitting, take two thirds of the time of its groups.
    plain = texts.to_frame("text").select(pl.when(pl.col("text").str.contains(_IPV4)).then("text"))
    octets = plain["text"].str.split_exact(".", 3).struct.unnest()
    octets.columns = ["one", "two", "three", "rest"]
    end = octets["rest"].str.split_exact("/", 1).struct.unnest()
    end.columns = ["four", "prefix"]
    parts = octets.drop("rest").hstack(end).cast(pl.Int64)
    one, two, three, four = (pl.col(name) for name in ("one", "two", "three", "four"))
    number = one * (1 << 24) + two * (1 << 16) + three * (1 << 8) + four
    read = parts.select(number=number, prefix=pl.col("prefix").fill_null(32))
    read = read.with_columns(size=pl.lit(2, pl.Int64).pow(32 - pl.col("prefix")))
    first = pl.col("number") - pl.col("number") % pl.col("size")
    return read.select("prefix", first=first, last=first + pl.col("size") - 1)


def _format_ipv4(first: pl.Expr, prefix: pl.Expr) -> pl.Expr:
    suffix = pl.when(prefix < 32).then("/" + prefix.cast(pl.String)).otherwise(pl.lit(""))
    return _format_octets(first) + suffix


def _format_octets(number: pl.Expr) -> pl.Expr:
    places = [(number // (1 << shift) % 256).cast(pl.UInt32) for shift in (24, 16, 8, 0)]
    return pl.concat_str([pl.lit(_OCTET_TEXTS).gather(place) for place in places], separator=".")


def networks_to_spans(values: pl.Series) -> pl.DataFrame:
    """Return `family`, `first` and `last` of canonical networks, in the order given."""
    frame = values.alias("value").to_frame().hstack(_parse_ipv4(values))
    ipv6 = frame.filter(pl.col("first").is_null())["value"].unique()
    if ipv6.is_empty():
        numbers = pl.col("first", "last").cast(pl.UInt128)
        return frame.select(pl.lit(4, pl.UInt8).alias("family"), numbers)
    parsed = [parse_network(text) for text in ipv6]
    wide = pl.DataFrame(
        {
            "value": ipv6,
            "first6": [int(net.network_address) for net in parsed],
            "last6": [int(net.broadcast_address) for net in parsed],
        },
        schema={"value": pl.String, "first6": pl.UInt128, "last6": pl.UInt128},
    )
    return frame.join(wide, on="value", how="left", maintain_order="left").select(
        family=pl.when(pl.col("first6").is_null()).then(4).otherwise(6).cast(pl.UInt8),
        first=pl.coalesce(pl.col("first").cast(pl.UInt128), "first6"),
        last=pl.coalesce(pl.col("last").cast(pl.UInt128), "last6"),
    )


def merge_spans(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the fewest disjoint spans that cover the same addresses, sorted."""
    return _join_families((family, _merge_family(part)) for family, part in _split_families(frame))


def subtract_spans(frame: pl.DataFrame, holes: pl.DataFrame) -> pl.DataFrame:
    """Return the merged spans of `frame` without the addresses of `holes`."""
    both = zip(_split_families(frame), _split_families(holes), strict=True)
    return _join_families(
        (family, _subtract_family(_merge_family(part), _merge_family(cut), family))
        for (family, part), (_, cut) in both
    )


def _split_families(frame: pl.DataFrame) -> Iterator[tuple[int, pl.DataFrame]]:
    """Yield each family's rows; IPv4 in 64 bits, which are many times as fast as 128."""
    for family, dtype in ((4, pl.Int64), (6, pl.UInt128)):
        part = frame.filter(pl.col("family") == family)
        yield family, part.with_columns(pl.col("first", "last").cast(dtype))


def _join_families(parts: Iterable[tuple[int, pl.DataFrame]]) -> pl.DataFrame:
    """Return the `first` and `last` of both families as one frame of spans."""
    return pl.concat(
        part.select(
            pl.lit(family, pl.UInt8).alias("family"), pl.col("first", "last").cast(pl.UInt128)
        )
        for family, part in parts
    )


def _merge_family(part: pl.DataFrame) -> pl.DataFrame:
    ordered = part.select("first", "last").sort("first")
    ordered = ordered.with_columns(reached=pl.col("last").cum_max())
    before = pl.col("reached").shift(1)
    # A span starts anew when it does not touch anything before it.
    fresh = before.is_null() | (pl.col("first") > before) & (pl.col("first") - 1 > before)
    ordered = ordered.with_columns(fresh=fresh)
    ends = ordered.filter(pl.col("fresh").shift(-1, fill_value=True))["reached"]
    starts = ordered.filter("fresh")["first"]
    return pl.DataFrame({"first": starts, "last": ends})


def _subtract_family(kept: pl.DataFrame, cut: pl.DataFrame, family: int) -> pl.DataFrame:
    """Return merged spans of one family without others."""
    top = pl.lit(2 ** _ADDRESS_BITS[family] - 1, kept.schema["last"])
    behind = cut.filter(pl.col("last") < top).select(at=pl.col("last") + 1)
    starts = pl.concat([kept.select(at="first"), behind]).unique().sort("at")
    inside = _add_containing_end(_add_containing_end(starts, kept, "kept"), cut, "cut").filter(
        pl.col("kept_last").is_not_null() & pl.col("cut_last").is_null()
    )
    ends = cut.select("first", hole="first")
    pieces = inside.join_asof(ends, left_on="at", right_on="first", strategy="forward")
    before_hole = pl.when(pl.col("hole") <= pl.col("kept_last")).then(pl.col("hole") - 1)
    return pieces.select(first="at", last=pl.coalesce(before_hole, "kept_last"))


def _add_containing_end(points: pl.DataFrame, disjoint: pl.DataFrame, name: str) -> pl.DataFrame:
    """Add `NAME_last`, the end of the disjoint span that holds each point of `at`, or null."""
    column = f"{name}_last"
    known = disjoint.select("first", pl.col("last").alias(column))
    found = points.join_asof(known, left_on="at", right_on="first").drop("first", strict=False)
    return found.with_columns(pl.when(pl.col(column) >= pl.col("at")).then(column).alias(column))


def spans_to_networks(frame: pl.DataFrame) -> pl.Series:
    """Return the canonical networks that make up the spans, in order of address."""
    return spans_to_network_rows(frame.sort("family", "first"))["value"]


def spans_to_network_rows(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the fewest canonical networks of each span: `row`, the span's place, and `value`."""
    numbered = frame.select(SPAN_SCHEMA.names()).with_row_index("row")
    (_, ipv4), (_, ipv6) = _split_families(numbered)
    narrow = _split_aligned(ipv4).with_columns(prefix=32 - pl.col("bits").cast(pl.Int64))
    narrow = narrow.select("row", value=_format_ipv4(pl.col("first"), pl.col("prefix")))
    if ipv6.is_empty():
        return narrow.sort("row", maintain_order=True)
    wide = _split_aligned(ipv6)
    texts6 = [
        format_network(IPv6Network((first, 128 - bits)))
        for first, bits in wide.select("first", "bits").iter_rows()
    ]
    both = [narrow, wide.select("row", value=pl.Series(texts6, dtype=pl.String))]
    return pl.concat(both).sort("row", maintain_order=True)


def _split_aligned(left: pl.DataFrame) -> pl.DataFrame:
    """Return the blocks that make up each span: `row`, `first`, and how many bits they leave free.

    Every step takes from all spans at once the largest aligned block at their start.
    """
    one = pl.lit(1, left.schema["first"])
    found = [left.select("row", "first", bits=pl.lit(0, pl.UInt32)).clear()]
    while not left.is_empty():
        step = left.select("row", "first", "last", bits=_largest_aligned_bits(left.schema["first"]))
        found.append(step.select("row", "first", "bits"))
        after = pl.col("first") + (one + one).pow("bits") - one
        left = step.with_columns(first=after).filter(pl.col("first") < pl.col("last"))
        left = left.select("row", pl.col("first") + one, "last")
    return pl.concat(found)


def _largest_aligned_bits(dtype: pl.DataType) -> pl.Expr:
    """Return how many bits the largest block leaves free that starts a span and lies within it."""
    width = 64 if dtype == pl.Int64 else 128
    aligned = pl.col("first").bitwise_trailing_zeros()
    size = pl.col("last") - pl.col("first") + 1
    # All of IPv6 has a size of 2 ** 128, which wraps to 0.
    top = (width - 1 - size.bitwise_leading_zeros().cast(pl.Int32)).cast(pl.Int32)
    return pl.min_horizontal(aligned, pl.when(size == 0).then(width).otherwise(top)).cast(pl.UInt32)
