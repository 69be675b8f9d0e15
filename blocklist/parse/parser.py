"""Parse a snapshot: split lines, extract tokens, canonicalize, count every line."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial

import polars as pl

from blocklist.frames.parallel import iter_text_pieces, map_in_order
from blocklist.frames.schemas import INDICATORS, REFUSALS
from blocklist.model import DEFAULT_CANARY, MARK_PATTERN
from blocklist.parse.canonicalize import canonicalize_tokens, collect_own_rules
from blocklist.parse.fast_path import split_fast_path
from blocklist.parse.format import Format, carry_no_state
from blocklist.parse.lines import MAX_LINE_BYTES, decode_to_utf8
from blocklist.parse.options import ParseOptions
from blocklist.parse.own_exceptions import apply_own_exceptions
from blocklist.parse.reasons import BEYOND_LIMIT
from blocklist.parse.registry import load_format
from blocklist.parse.result import ParseResult, merge_results
from blocklist.plugins import FORMAT_EXTENSIONS

_EXCERPT_CHARS = 200


def parse_snapshot(
    body: bytes, format_name: str, options: ParseOptions | None = None
) -> ParseResult:
    """Parse the bytes of a snapshot; return its indicators and what became of each line.

    Raise `ConfigError` for an unknown format, and `PluginError` for one of another distribution
    that does not work.
    """
    format_ = load_format(format_name)
    with FORMAT_EXTENSIONS.name_in_errors(format_name):
        pieces = _parse_pieces(decode_to_utf8(body), format_, options or ParseOptions())
        return _apply_exceptions(merge_results(format_name, list(pieces)), format_)


def _apply_exceptions(parsed: ParseResult, format_: Format) -> ParseResult:
    """Return a list without canaries, and without what its own exceptions take out."""
    indicators = _drop_canaries(parsed.indicators)
    canaries = parsed.indicators.height - indicators.height
    narrowed = apply_own_exceptions(
        indicators, parsed.own_rules, exceptions_win=format_.exceptions_win
    )
    counts = narrowed.counts | ({"canary": canaries} if canaries else {})
    return replace(
        parsed,
        indicators=narrowed.indicators,
        exempting=narrowed.exempting,
        dropped_counts=parsed.dropped_counts | counts,
    )


def _drop_canaries(indicators: pl.DataFrame) -> pl.DataFrame:
    """Return indicators without the canaries and marks of an export that is read as a feed."""
    is_mark = indicators["value"].str.contains(MARK_PATTERN)
    indicators = indicators.filter(~is_mark) if is_mark.any() else indicators
    ending = indicators["value"].str.ends_with(DEFAULT_CANARY)
    if not ending.any():
        return indicators
    name = pl.col("value")
    is_canary = (name == DEFAULT_CANARY) | name.str.ends_with(f".{DEFAULT_CANARY}")
    return indicators.filter(~is_canary)


def _parse_pieces(text: bytes, format_: Format, options: ParseOptions) -> Iterator[ParseResult]:
    """Yield the result of each piece of the text, with the line numbers of the whole text."""
    if format_.scan_text is not None:
        options = replace(options, state=format_.scan_text(text))
    pieces = [text] if format_.needs_whole_text else iter_text_pieces(text)
    if format_.next_state is carry_no_state and options.line_limit is None:
        yield from _renumber_lines(map_in_order(partial(_parse_piece, format_, options), pieces))
        return
    yield from _renumber_lines(_parse_in_sequence(pieces, format_, options))


def _parse_piece(format_: Format, options: ParseOptions, piece: bytes) -> ParseResult:
    return parse_lines(format_.split_lines(piece, options), format_, options)


def _parse_in_sequence(
    pieces: Iterable[bytes], format_: Format, options: ParseOptions
) -> Iterator[ParseResult]:
    """Yield the results of pieces in which parsing depends on the pieces before."""
    for piece in pieces:
        lines = format_.split_lines(piece, options)
        yield (result := parse_lines(lines, format_, options))
        options = replace(options, state=format_.next_state(lines, options))
        if options.line_limit is not None:
            lines_read = result.lines - result.comments
            options = replace(options, rank_limit=max(0, options.line_limit - lines_read))


def _renumber_lines(results: Iterable[ParseResult]) -> Iterator[ParseResult]:
    """Yield the results of pieces with the line numbers of the whole text."""
    lines_before = 0
    for result in results:
        number = pl.col("line") + lines_before
        yield replace(
            result,
            indicators=result.indicators.with_columns(number),
            refusals=result.refusals.with_columns(number),
        )
        lines_before += result.lines


def parse_lines(lines: pl.DataFrame, format_: Format, options: ParseOptions) -> ParseResult:
    """Parse numbered lines; accepted lines, comments and refusals add up to all lines."""
    cancelled = _find_cancelled_lines(lines)
    if not cancelled.is_empty():
        lines = lines.join(cancelled, on="line", how="anti", maintain_order="left")
    plain, rest = split_fast_path(lines, format_, options)
    is_comment = pl.col("text").str.contains(format_.comment_pattern_for(options))
    content = rest.filter(~(is_comment | (pl.col("text") == "")))
    comments = rest.height - content.height
    if content.is_empty():
        counts = (lines.height + cancelled.height, plain.height, comments)
        return ParseResult(format_.name, *counts, plain, _merge_refusals(cancelled), {})
    skipped = _lines_to_skip(content, options)
    if not skipped.is_empty():
        content = content.join(skipped, on="line", how="anti", maintain_order="left")
    extracted = format_.extract(content, options)
    tokens = canonicalize_tokens(extracted, options)
    valid, invalid = tokens.drop_nulls("value"), tokens.filter(pl.col("value").is_null())
    beside_valid = invalid.join(valid, on="line", how="semi")
    refused = invalid.join(valid, on="line", how="anti").unique("line", keep="first")
    dropped = pl.concat(["beside-" + beside_valid["reason"], valid["dropped"].drop_nulls()])
    return ParseResult(
        format=format_.name,
        lines=lines.height + cancelled.height,
        accepted=plain.height + valid["line"].n_unique(),
        comments=comments,
        indicators=_merge_by_line(plain, _add_evidence(valid)),
        refusals=_merge_refusals(cancelled, skipped, refused.join(content, on="line")),
        dropped_counts=dict(dropped.alias("reason").value_counts().iter_rows()),
        own_rules=collect_own_rules(extracted, valid),
    )


def _find_cancelled_lines(lines: pl.DataFrame) -> pl.DataFrame:
    """Return the lines that other lines of the list cancel, each with the reason."""
    if "cancelled" not in lines.columns:
        return REFUSALS.to_frame()
    return lines.select("line", reason="cancelled", text="text").drop_nulls("reason")


def _lines_to_skip(content: pl.DataFrame, options: ParseOptions) -> pl.DataFrame:
    """Return the lines that are not passed to the format, each with the reason."""
    is_too_long = pl.col("text").str.len_bytes() > MAX_LINE_BYTES
    reasons = [pl.when(is_too_long).then(pl.lit("line-too-long"))]
    if options.line_limit is not None:
        is_beyond = pl.int_range(pl.len()) >= options.line_limit
        reasons.append(pl.when(is_beyond).then(pl.lit(BEYOND_LIMIT)))
    return content.select("line", "text", reason=pl.coalesce(*reasons)).drop_nulls("reason")


def _add_evidence(valid: pl.DataFrame) -> pl.DataFrame:
    # Most values are written in canonical form: then both columns share their memory.
    evidence = pl.when(pl.col("seen") == pl.col("value")).then("value").otherwise("seen")
    indicators = valid.select("kind", "value", "scope", evidence=evidence, line="line")
    indicators = indicators.match_to_schema(INDICATORS)
    return indicators.with_columns(valid["rank"]) if "rank" in valid.columns else indicators


def _merge_by_line(plain: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    if plain.is_empty() or others.is_empty():
        return others if plain.is_empty() else plain
    return pl.concat([plain, others]).sort("line", maintain_order=True)


def _merge_refusals(*parts: pl.DataFrame) -> pl.DataFrame:
    refusals = pl.concat([part.select(REFUSALS.names()) for part in parts]).sort("line")
    return refusals.with_columns(pl.col("text").str.head(_EXCERPT_CHARS))
