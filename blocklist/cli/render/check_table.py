"""Render batch answers of `check`: answer columns -> one text per query.

`format_answer_lines` in `check` renders a single answer; both give the same text.
"""

from collections.abc import Callable

import polars as pl

from blocklist.check.batch import BatchAnswers, to_ascii_column
from blocklist.cli.render.check_text import format_score
from blocklist.cli.session import format_indicator
from blocklist.cli.streams import escape_unprintable
from blocklist.frames.map_unique import map_unique


def render_batch_answers(many: BatchAnswers) -> pl.Series:
    """Return what is shown of each answer, null where a query is to be asked by itself.

    Null also where resolving gave anything, for that is told one name at a time.
    """
    rows = many.rows.with_columns(
        query=to_ascii_column(many.queries),
        match=_format_indicators(many.rows["match"]),
        score=_score_lines(many),
    )
    listed = many.listings.join(rows.select("row", "query"), on="row", maintain_order="left")
    # Texts of a list are joined in a seventh of the time that texts of a group take.
    each = listed.select(pl.col("row").set_sorted(), text=_listing_line()).group_by("row")
    under = each.agg("text").with_columns(pl.col("text").list.join("\n"))
    shown = rows.join(under, on="row", how="left", maintain_order="left")
    simple = pl.col("value").is_not_null() & ~pl.col("row").is_in(list(many.facts))
    text = pl.concat_str(_verdict_line(), "score", "text", separator="\n", ignore_nulls=True)
    said = shown.select(text=pl.when(simple).then(text))["text"]
    return _map_odd(said, ~said.str.contains(r"^[ -~\n]*$"), escape_unprintable)


def _verdict_line() -> pl.Expr:
    """Return the line about the verdict."""
    match = pl.concat_str(pl.lit(", by "), "match", pl.lit(" ("), "scope", pl.lit(")"))
    verdict = pl.col("verdict").cast(pl.String).fill_null("clear")
    reason = pl.col("reason").cast(pl.String).fill_null("unlisted")
    cause = pl.concat_str(pl.lit(": "), "cause").fill_null("")
    parts = ("query", pl.lit(": "), verdict, pl.lit(" ("), reason, cause, pl.lit(")"))
    return pl.concat_str(*parts, match.fill_null(""))


def _score_lines(many: BatchAnswers) -> pl.Series:
    """Return the line about the score of each, which most share with a million others."""
    lines = {voices: f"  {format_score(score)}" for voices, score in many.scores.items()}
    return many.rows["voices"].replace_strict(lines, default=None, return_dtype=pl.String)


def _listing_line() -> pl.Expr:
    """Return the line of a listing."""
    until = pl.concat_str(pl.lit(" until "), "until").fill_null("")
    other = pl.col("evidence") != pl.col("query")
    seen = pl.when(other).then(pl.concat_str(pl.lit(" as "), "evidence")).otherwise(pl.lit(""))
    start = (pl.lit("  "), "feed", pl.lit(": "), "scope", pl.lit(", since "), "since")
    return pl.concat_str(*start, until, seen)


def _format_indicators(names: pl.Series) -> pl.Series:
    return _map_odd(names, names.str.contains("xn--", literal=True), format_indicator)


def _map_odd(texts: pl.Series, odd: pl.Series, function: Callable[[str], str]) -> pl.Series:
    """Return the texts, the odd ones, which are few, as a function makes them."""
    done = map_unique(texts.filter(odd), function)
    return texts.replace(done["text"], done["mapped"]) if done.height else texts
