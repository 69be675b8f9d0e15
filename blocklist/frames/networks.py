"""Canonicalize and combine columns of IP networks: texts -> networks or address spans.

`blocklist.indicators.networks` defines the canonical form and cites its sources. A span has the
columns `family` (4 or 6), `first` and `last` (inclusive, unsigned 128 bit for both families).
"""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
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
    """Return `value` (the canonical network or null) and `reason` (of a refusal, or null).

    Dotted decimals, by far the most frequent, are read as columns; all others by the scalar form.
    """
    return _canonicalize_column(texts, texts, lambda text: format_network(parse_network(text)))


def canonicalize_numeric_hosts(texts: pl.Series) -> pl.DataFrame:
    """Return the same for hosts that are numbers, as browsers read them (WHATWG URL)."""
    return _canonicalize_column(texts, texts.str.extract(r"^([0-9.]+)$"), parse_browser_ipv4)


def _canonicalize_column(
    texts: pl.Series, plain: pl.Series, parse_other: Callable[[str], str]
) -> pl.DataFrame:
    """Read dotted decimals among the `plain` texts as columns, everything else by `parse_other`."""
    value = _parse_ipv4(plain).select(_format_ipv4(pl.col("first"), pl.col("prefix"))).to_series()
    frame = pl.DataFrame({"text": texts, "value": value})
    others = map_unique(frame.filter(pl.col("value").is_null())["text"], parse_other)
    joined = frame.join(others, on="text", how="left", maintain_order="left")
    return joined.select(value=pl.coalesce("value", "mapped"), reason="refused")


def _parse_ipv4(texts: pl.Series) -> pl.DataFrame:
    """Return `first` (host bits cleared, null unless dotted decimal), `last` and `prefix`."""
    # Testing with one pattern and then splitting takes two thirds of the time of capture groups.
    dotted = texts.to_frame("text").select(pl.when(pl.col("text").str.contains(_IPV4)).then("text"))
    octets = dotted["text"].str.split_exact(".", 3).struct.unnest()
    octets.columns = ["octet1", "octet2", "octet3", "rest"]
    end = octets["rest"].str.split_exact("/", 1).struct.unnest()
    end.columns = ["octet4", "prefix"]
    parts = octets.drop("rest").hstack(end).cast(pl.Int64)
    octet1, octet2, octet3, octet4 = (pl.col(f"octet{index}") for index in (1, 2, 3, 4))
    number = octet1 * (1 << 24) + octet2 * (1 << 16) + octet3 * (1 << 8) + octet4
    parsed = parts.select(number=number, prefix=pl.col("prefix").fill_null(32))
    parsed = parsed.with_columns(size=pl.lit(2, pl.Int64).pow(32 - pl.col("prefix")))
    first = pl.col("number") - pl.col("number") % pl.col("size")
    return parsed.select("prefix", first=first, last=first + pl.col("size") - 1)


def _format_ipv4(first: pl.Expr, prefix: pl.Expr) -> pl.Expr:
    suffix = pl.when(prefix < 32).then("/" + prefix.cast(pl.String)).otherwise(pl.lit(""))
    return _format_octets(first) + suffix


def _format_octets(number: pl.Expr) -> pl.Expr:
    octets = [(number // (1 << shift) % 256).cast(pl.UInt32) for shift in (24, 16, 8, 0)]
    return pl.concat_str([pl.lit(_OCTET_TEXTS).gather(octet) for octet in octets], separator=".")


def networks_to_spans(values: pl.Series) -> pl.DataFrame:
    """Return `family`, `first` and `last` of canonical networks, in the given order."""
    frame = values.alias("value").to_frame().hstack(_parse_ipv4(values))
    ipv6 = frame.filter(pl.col("first").is_null())["value"].unique()
    if ipv6.is_empty():
        numbers = pl.col("first", "last").cast(pl.UInt128)
        return frame.select(pl.lit(4, pl.UInt8).alias("family"), numbers)
    bounds = list(map(_find_bounds, ipv6))
    ipv6_spans = pl.DataFrame(
        {
            "value": ipv6,
            "first6": [first for first, _ in bounds],
            "last6": [last for _, last in bounds],
        },
        schema={"value": pl.String, "first6": pl.UInt128, "last6": pl.UInt128},
    )
    return frame.join(ipv6_spans, on="value", how="left", maintain_order="left").select(
        family=pl.when(pl.col("first6").is_null()).then(4).otherwise(6).cast(pl.UInt8),
        first=pl.coalesce(pl.col("first").cast(pl.UInt128), "first6"),
        last=pl.coalesce(pl.col("last").cast(pl.UInt128), "last6"),
    )


# The guarded networks are asked for again and again, two thousand of IPv6 among them.
@lru_cache(maxsize=1 << 13)
def _find_bounds(text: str) -> tuple[int, int]:
    network = parse_network(text)
    return int(network.network_address), int(network.broadcast_address)


def add_spans(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame with the spans of its networks in `value`."""
    return frame.hstack(networks_to_spans(frame["value"]))


def join_overlapping(
    frame: pl.DataFrame, other: pl.DataFrame, *, inside: bool = False
) -> pl.DataFrame:
    """Return each row of `frame` with each row of `other` whose span overlaps it.

    Both have the columns of spans; those of `other` become `start` and `end`, and its other columns
    must have other names. With `inside`, the first span must lie within the second.
    """
    other = other.rename({"family": "other_family", "first": "start", "last": "end"})
    low, high = ("first", "last") if inside else ("last", "first")
    pairs = frame.join_where(other, pl.col(low) >= pl.col("start"), pl.col(high) <= pl.col("end"))
    # The family is compared after the join; as a join condition it would make polars pair all rows
    # of a family.
    return pairs.filter(pl.col("family") == pl.col("other_family")).drop("other_family")


def merge_spans(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the fewest disjoint spans that cover the same addresses, sorted."""
    return _join_families((family, _merge_family(part)) for family, part in _split_families(frame))


def subtract_spans(frame: pl.DataFrame, holes: pl.DataFrame) -> pl.DataFrame:
    """Return the merged spans of `frame` without the addresses of `holes`."""
    families = zip(_split_families(frame), _split_families(holes), strict=True)
    return _join_families(
        (family, _subtract_family(_merge_family(part), _merge_family(hole), family))
        for (family, part), (_, hole) in families
    )


def _split_families(frame: pl.DataFrame) -> Iterator[tuple[int, pl.DataFrame]]:
    """Yield the rows of each family; IPv4 in 64 bits, which is many times faster than 128."""
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
    end_before = pl.col("reached").shift(1)
    # A merged span starts where a span does not touch any span before it.
    is_start = end_before.is_null() | (pl.col("first") > end_before) & (
        pl.col("first") - 1 > end_before
    )
    ordered = ordered.with_columns(fresh=is_start)
    ends = ordered.filter(pl.col("fresh").shift(-1, fill_value=True))["reached"]
    starts = ordered.filter("fresh")["first"]
    return pl.DataFrame({"first": starts, "last": ends})


def _subtract_family(spans: pl.DataFrame, holes: pl.DataFrame, family: int) -> pl.DataFrame:
    """Return the merged spans of one family without the addresses of merged holes."""
    top = pl.lit(2 ** _ADDRESS_BITS[family] - 1, spans.schema["last"])
    after_holes = holes.filter(pl.col("last") < top).select(at=pl.col("last") + 1)
    starts = pl.concat([spans.select(at="first"), after_holes]).unique().sort("at")
    inside = _add_containing_end(_add_containing_end(starts, spans, "kept"), holes, "cut").filter(
        pl.col("kept_last").is_not_null() & pl.col("cut_last").is_null()
    )
    ends = holes.select("first", hole="first")
    pieces = inside.join_asof(ends, left_on="at", right_on="first", strategy="forward")
    before_hole = pl.when(pl.col("hole") <= pl.col("kept_last")).then(pl.col("hole") - 1)
    return pieces.select(first="at", last=pl.coalesce(before_hole, "kept_last"))


def _add_containing_end(points: pl.DataFrame, disjoint: pl.DataFrame, name: str) -> pl.DataFrame:
    """Add `NAME_last`: the end of the disjoint span that contains each point of `at`, or null."""
    column = f"{name}_last"
    ends = disjoint.select("first", pl.col("last").alias(column))
    joined = points.join_asof(ends, left_on="at", right_on="first").drop("first", strict=False)
    return joined.with_columns(pl.when(pl.col(column) >= pl.col("at")).then(column).alias(column))


def spans_to_networks(frame: pl.DataFrame) -> pl.Series:
    """Return the canonical networks that make up the spans, in order of address."""
    return spans_to_network_rows(frame.sort("family", "first"))["value"]


def spans_to_network_rows(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the fewest canonical networks of each span: `row`, the span's index, and `value`."""
    numbered = frame.select(SPAN_SCHEMA.names()).with_row_index("row")
    (_, ipv4), (_, ipv6) = _split_families(numbered)
    ipv4_rows = _split_aligned(ipv4).with_columns(prefix=32 - pl.col("bits").cast(pl.Int64))
    ipv4_rows = ipv4_rows.select("row", value=_format_ipv4(pl.col("first"), pl.col("prefix")))
    if ipv6.is_empty():
        return ipv4_rows.sort("row", maintain_order=True)
    ipv6_blocks = _split_aligned(ipv6)
    texts6 = [
        format_network(IPv6Network((first, 128 - bits)))
        for first, bits in ipv6_blocks.select("first", "bits").iter_rows()
    ]
    parts = [ipv4_rows, ipv6_blocks.select("row", value=pl.Series(texts6, dtype=pl.String))]
    return pl.concat(parts).sort("row", maintain_order=True)


def _split_aligned(spans: pl.DataFrame) -> pl.DataFrame:
    """Return the blocks that make up each span: `row`, `first`, and the number of host bits.

    Each step takes the largest aligned block at the start of every span at once.
    """
    unit = pl.lit(1, spans.schema["first"])
    blocks = [spans.select("row", "first", bits=pl.lit(0, pl.UInt32)).clear()]
    while not spans.is_empty():
        step = spans.select(
            "row", "first", "last", bits=_largest_aligned_bits(spans.schema["first"])
        )
        blocks.append(step.select("row", "first", "bits"))
        block_end = pl.col("first") + (unit + unit).pow("bits") - unit
        spans = step.with_columns(first=block_end).filter(pl.col("first") < pl.col("last"))
        spans = spans.select("row", pl.col("first") + unit, "last")
    return pl.concat(blocks)


def _largest_aligned_bits(dtype: pl.DataType) -> pl.Expr:
    """Return the host bits of the largest aligned block that starts a span and lies within it."""
    width = 64 if dtype == pl.Int64 else 128
    aligned = pl.col("first").bitwise_trailing_zeros()
    size = pl.col("last") - pl.col("first") + 1
    # All of IPv6 has a size of 2 ** 128, which wraps to 0.
    top = (width - 1 - size.bitwise_leading_zeros().cast(pl.Int32)).cast(pl.Int32)
    return pl.min_horizontal(aligned, pl.when(size == 0).then(width).otherwise(top)).cast(pl.UInt32)
