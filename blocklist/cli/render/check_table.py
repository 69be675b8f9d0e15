"""Render many answers of `check`: answer columns -> one text a query.

`check_text` renders a single answer; both give the same text.
"""

from collections.abc import Callable, Iterator

import polars as pl

from blocklist.check.answers import Answers
from blocklist.check.batch import BatchAnswers, to_ascii_column
from blocklist.cli.output import format_indicator
from blocklist.cli.render.check_text import format_answer, format_score
from blocklist.frames.map_unique import map_unique
from blocklist.text import escape_unprintable


def iter_answer_texts(answers: Answers, batch: BatchAnswers) -> Iterator[str]:
    """Yield the text of each answer, as `format_answer` returns it."""
    texts = render_batch_answers(batch)
    others = answers.iter_rows(texts.is_null().arg_true().to_list())
    for text in texts:
        yield format_answer(next(others)) if text is None else text


def render_batch_answers(batch: BatchAnswers) -> pl.Series:
    """Return the text of each answer, null for a query that is not answered in the batch.

    Null also for an answer with DNS facts: those are rendered one at a time.
    """
    rows = batch.rows.with_columns(
        query=to_ascii_column(batch.queries),
        match=_format_indicators(batch.rows["match"]),
        score=_score_lines(batch),
    )
    listed = batch.listings.join(rows.select("row", "query"), on="row", maintain_order="left")
    # Joining the texts of a list takes a seventh of the time of joining the texts of a group.
    each = listed.select(pl.col("row").set_sorted(), text=_listing_line()).group_by("row")
    listings = each.agg("text").with_columns(pl.col("text").list.join("\n"))
    rows = rows.join(listings, on="row", how="left", maintain_order="left")
    simple = pl.col("value").is_not_null() & ~pl.col("row").is_in(list(batch.facts))
    text = pl.concat_str(_verdict_line(), "score", "text", separator="\n", ignore_nulls=True)
    texts = rows.select(text=pl.when(simple).then(text))["text"]
    return _map_some(texts, ~texts.str.contains(r"^[ -~\n]*$"), escape_unprintable)


def _verdict_line() -> pl.Expr:
    """Return the line about the verdict."""
    match = pl.concat_str(pl.lit(", by "), "match", pl.lit(" ("), "scope", pl.lit(")"))
    verdict = pl.col("verdict").cast(pl.String).fill_null("clear")
    cause = pl.concat_str(pl.lit(": "), "cause").fill_null("")
    reason = pl.coalesce(pl.concat_str(pl.col("reason").cast(pl.String), cause), "cause")
    parts = (
        "query",
        pl.lit(": "),
        verdict,
        pl.lit(" ("),
        reason.fill_null("unlisted"),
        pl.lit(")"),
    )
    return pl.concat_str(*parts, match.fill_null(""))


def _score_lines(batch: BatchAnswers) -> pl.Series:
    """Return the line about the score of each; few different scores serve millions of names."""
    lines = {voices: f"  {format_score(score)}" for voices, score in batch.scores.items()}
    return batch.rows["voices"].replace_strict(lines, default=None, return_dtype=pl.String)


def _listing_line() -> pl.Expr:
    """Return the line of a listing."""
    until = pl.concat_str(pl.lit(" until "), "until").fill_null("")
    differs = pl.col("evidence") != pl.col("query")
    evidence = (
        pl.when(differs).then(pl.concat_str(pl.lit(" as "), "evidence")).otherwise(pl.lit(""))
    )
    start = (pl.lit("  "), "feed", pl.lit(": "), "scope", pl.lit(", since "), "since")
    return pl.concat_str(*start, until, evidence)


def _format_indicators(names: pl.Series) -> pl.Series:
    return _map_some(names, names.str.contains("xn--", literal=True), format_indicator)


def _map_some(texts: pl.Series, which: pl.Series, function: Callable[[str], str]) -> pl.Series:
    """Return the texts, those of a mask, which are few, mapped by a function."""
    mapped = map_unique(texts.filter(which), function)
    return texts.replace(mapped["text"], mapped["mapped"]) if mapped.height else texts
