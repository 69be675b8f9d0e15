"""What `check` shows of a great many answers, as columns; `check.lines` shows one of them."""

from collections.abc import Callable

import polars as pl

from blocklist.checks.many import BatchAnswers, to_ascii_column
from blocklist.cli.check import told
from blocklist.cli.session import printable, readable
from blocklist.columns.scalar import mapped


def texts(many: BatchAnswers) -> pl.Series:
    """Return what is shown of each answer, null where a query is to be asked by itself.

    Null also where resolving gave anything, for that is told one name at a time.
    """
    rows = many.rows.with_columns(
        query=to_ascii_column(many.queries),
        match=_readable(many.rows["match"]),
        score=_scores(many),
    )
    listed = many.listings.join(rows.select("row", "query"), on="row", maintain_order="left")
    # Texts of a list are joined in a seventh of the time that texts of a group take.
    each = listed.select(pl.col("row").set_sorted(), text=_listing()).group_by("row")
    under = each.agg("text").with_columns(pl.col("text").list.join("\n"))
    shown = rows.join(under, on="row", how="left", maintain_order="left")
    simple = pl.col("value").is_not_null() & ~pl.col("row").is_in(list(many.facts))
    text = pl.concat_str(_head(), "score", "text", separator="\n", ignore_nulls=True)
    said = shown.select(text=pl.when(simple).then(text))["text"]
    return _mended(said, ~said.str.contains(r"^[ -~\n]*$"), printable)


def _head() -> pl.Expr:
    """Return the line about the verdict."""
    match = pl.concat_str(pl.lit(", by "), "match", pl.lit(" ("), "scope", pl.lit(")"))
    verdict = pl.col("verdict").cast(pl.String).fill_null("clear")
    reason = pl.col("reason").cast(pl.String).fill_null("unlisted")
    cause = pl.concat_str(pl.lit(": "), "cause").fill_null("")
    parts = ("query", pl.lit(": "), verdict, pl.lit(" ("), reason, cause, pl.lit(")"))
    return pl.concat_str(*parts, match.fill_null(""))


def _scores(many: BatchAnswers) -> pl.Series:
    """Return the line about the score of each, which most share with a million others."""
    lines = {voices: f"  {told(score)}" for voices, score in many.scores.items()}
    return many.rows["voices"].replace_strict(lines, default=None, return_dtype=pl.String)


def _listing() -> pl.Expr:
    """Return the line of a listing."""
    until = pl.concat_str(pl.lit(" until "), "until").fill_null("")
    other = pl.col("evidence") != pl.col("query")
    seen = pl.when(other).then(pl.concat_str(pl.lit(" as "), "evidence")).otherwise(pl.lit(""))
    start = (pl.lit("  "), "feed", pl.lit(": "), "scope", pl.lit(", since "), "since")
    return pl.concat_str(*start, until, seen)


def _readable(names: pl.Series) -> pl.Series:
    return _mended(names, names.str.contains("xn--", literal=True), readable)


def _mended(texts: pl.Series, odd: pl.Series, function: Callable[[str], str]) -> pl.Series:
    """Return the texts, the odd ones, which are few, as a function makes them."""
    done = mapped(texts.filter(odd), function)
    return texts.replace(done["text"], done["mapped"]) if done.height else texts
