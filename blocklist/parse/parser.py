"""Parse a snapshot: split lines, extract tokens, canonicalise, account for every line."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial

import polars as pl

from blocklist.frames.networks import canonicalize_networks
from blocklist.frames.parallel import iter_text_pieces, map_in_order
from blocklist.frames.schemas import INDICATORS, KIND, REFUSALS, SCOPE
from blocklist.frames.urls import canonicalize_hosts, canonicalize_urls
from blocklist.model import Kind, Scope
from blocklist.parse.fast_path import split_fast_path
from blocklist.parse.format import Format, carry_no_state
from blocklist.parse.lines import MAX_LINE_BYTES, decode_to_utf8
from blocklist.parse.options import ParseOptions
from blocklist.parse.registry import FORMATS
from blocklist.parse.result import BEYOND_LIMIT, ParseResult, merge_results

_EXCERPT_CHARS = 200


def parse_snapshot(body: bytes, name: str, options: ParseOptions | None = None) -> ParseResult:
    """Parse the bytes of a snapshot in the format `name`, a key of `FORMATS`."""
    known = FORMATS[name]
    return merge_results(
        name, list(_parse_pieces(decode_to_utf8(body), known, options or ParseOptions()))
    )


def _parse_pieces(text: bytes, known: Format, options: ParseOptions) -> Iterator[ParseResult]:
    """Yield what each piece of the text gives, lines numbered through."""
    pieces = [text] if known.needs_whole_text else iter_text_pieces(text)
    if known.next_state is carry_no_state and options.rank_limit is None:
        yield from _renumber_lines(map_in_order(partial(_parse_piece, known, options), pieces))
        return
    yield from _renumber_lines(_parse_in_sequence(pieces, known, options))


def _parse_piece(known: Format, options: ParseOptions, piece: bytes) -> ParseResult:
    return parse_lines(known.split_lines(piece, options), known, options)


def _parse_in_sequence(
    pieces: Iterable[bytes], known: Format, options: ParseOptions
) -> Iterator[ParseResult]:
    """Yield what pieces give of which each tells about the next."""
    for piece in pieces:
        lines = known.split_lines(piece, options)
        yield (parsed := parse_lines(lines, known, options))
        options = replace(options, state=known.next_state(lines, options))
        if options.rank_limit is not None:
            read = parsed.lines - parsed.comments
            options = replace(options, rank_limit=max(0, options.rank_limit - read))


def _renumber_lines(parts: Iterable[ParseResult]) -> Iterator[ParseResult]:
    """Yield parts with the numbers that their lines have in the whole text."""
    before = 0
    for part in parts:
        moved = pl.col("line") + before
        yield replace(
            part,
            indicators=part.indicators.with_columns(moved),
            refusals=part.refusals.with_columns(moved),
        )
        before += part.lines


def parse_lines(lines: pl.DataFrame, known: Format, options: ParseOptions) -> ParseResult:
    """Parse numbered lines; the sum of accepted, comments and refusals is their number."""
    plain, rest = split_fast_path(lines, known, options)
    comment = pl.col("text").str.contains(known.comment_pattern_for(options))
    content = rest.filter(~(comment | (pl.col("text") == "")))
    comments = rest.height - content.height
    if content.is_empty():
        none = REFUSALS.to_frame()
        return ParseResult(known.name, lines.height, plain.height, comments, plain, none, {})
    unread = _lines_to_skip(content, options)
    if not unread.is_empty():
        content = content.join(unread, on="line", how="anti", maintain_order="left")
    judged = _canonicalise_tokens(known.extract(content, options), options)
    listed = judged.drop_nulls("value")
    bad = judged.filter(pl.col("value").is_null())
    beside = bad.join(listed, on="line", how="semi")
    alone = bad.join(listed, on="line", how="anti").unique("line", keep="first")
    dropped = pl.concat(["beside-" + beside["reason"], listed["dropped"].drop_nulls()])
    return ParseResult(
        format=known.name,
        lines=lines.height,
        accepted=plain.height + listed["line"].n_unique(),
        comments=comments,
        indicators=_merge_by_line(plain, _add_evidence(listed)),
        refusals=_merge_refusals(unread, alone.join(content, on="line")),
        dropped_counts=dict(dropped.alias("what").value_counts().iter_rows()),
    )


def _lines_to_skip(content: pl.DataFrame, options: ParseOptions) -> pl.DataFrame:
    """Return the lines that the format never sees, with the reason."""
    overlong = pl.when(pl.col("text").str.len_bytes() > MAX_LINE_BYTES).then(
        pl.lit("line-too-long")
    )
    reasons = [overlong]
    if options.rank_limit is not None:
        beyond = pl.int_range(pl.len()) >= options.rank_limit
        reasons.append(pl.when(beyond).then(pl.lit(BEYOND_LIMIT)))
    return content.select("line", "text", reason=pl.coalesce(*reasons)).drop_nulls("reason")


def _canonicalise_tokens(tokens: pl.DataFrame, options: ParseOptions) -> pl.DataFrame:
    """Add `kind` and `value` to tokens, or the reason why there is none."""
    refused = pl.col("reason").is_not_null()
    parts = [tokens.filter(refused).with_columns(**_NO_INDICATOR)]
    for read, canonical in _CANONICALISERS.items():
        rows = tokens.filter((pl.col("read") == read) & pl.col("reason").is_null())
        if not rows.is_empty():
            parts.append(
                pl.concat([rows.drop("reason"), canonical(rows["token"])], how="horizontal")
            )
    judged = pl.concat(parts, how="diagonal").sort("line", maintain_order=True)
    name = pl.col("kind") == Kind.DOMAIN.value
    unscoped = pl.when(name).then("scope").otherwise(pl.lit(Scope.EXACT.value, SCOPE))
    given = pl.when(name).then(pl.lit(options.scope.value, SCOPE)) if options.scope else None
    return judged.with_columns(scope=unscoped if given is None else pl.coalesce(given, unscoped))


_NO_INDICATOR = {"kind": pl.lit(None, KIND), "value": pl.lit(None, pl.String)}


def _canonicalise_hosts(tokens: pl.Series) -> pl.DataFrame:
    found = canonicalize_hosts(tokens)
    # A lone word or number in a feed is debris or a top-level domain; neither is a fraud host.
    name = pl.col("kind") == Kind.DOMAIN.value
    word = pl.when(name).then("value").otherwise(tokens).str.contains(r"^[^.:]*$")
    return found.with_columns(
        value=pl.when(~word).then("value"),
        reason=pl.when(word).then(pl.lit("single-label")).otherwise("reason"),
    )


def _canonicalise_ips(tokens: pl.Series) -> pl.DataFrame:
    return canonicalize_networks(tokens).with_columns(kind=pl.lit(Kind.IP.value, KIND))


def _canonicalise_urls(tokens: pl.Series) -> pl.DataFrame:
    return canonicalize_urls(tokens).with_columns(kind=pl.lit(Kind.URL.value, KIND))


_CANONICALISERS = {"host": _canonicalise_hosts, "ip": _canonicalise_ips, "url": _canonicalise_urls}


def _add_evidence(listed: pl.DataFrame) -> pl.DataFrame:
    # Most values are written as seen: then both columns share their memory.
    seen = pl.when(pl.col("seen") == pl.col("value")).then("value").otherwise("seen")
    return listed.select("kind", "value", "scope", evidence=seen, line="line").match_to_schema(
        INDICATORS
    )


def _merge_by_line(plain: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    if plain.is_empty() or others.is_empty():
        return others if plain.is_empty() else plain
    return pl.concat([plain, others]).sort("line", maintain_order=True)


def _merge_refusals(*parts: pl.DataFrame) -> pl.DataFrame:
    every = pl.concat([part.select(REFUSALS.names()) for part in parts]).sort("line")
    return every.with_columns(pl.col("text").str.head(_EXCERPT_CHARS))
