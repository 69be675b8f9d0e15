"""Render many answers of `check` as JSON: answer columns -> one text a query.

Each text is the one that `encode_json` returns for the single answer. Python encodes only what is
rare or repeated: facts of the DNS, scores, and texts with characters that JSON escapes.
"""

from collections.abc import Callable, Iterator

import polars as pl

from blocklist import Answer, Answers
from blocklist.check.batch import BatchAnswers, to_ascii_column
from blocklist.cli.output import encode_json
from blocklist.frames.map_unique import map_unique
from blocklist.model import Kind, Verdict

#: Answers that are rendered at a time; this bounds the memory for their texts.
SLICE_ROWS = 20_000
#: Text that JSON writes as it is.
_PLAIN = r"^[ !#-\[\]-~]*$"
_NULL = pl.lit("null")


def iter_answer_jsons(
    answers: Answers,
    batch: BatchAnswers,
    only: Verdict | None,
    render_single: Callable[[Answer], str | None],
) -> Iterator[str]:
    """Yield the JSON text of each answer, in order; with `only`, of those with this verdict.

    `render_single` returns the text of an answer that is not in the batch, None to leave it out.
    """
    for start in range(0, len(answers), SLICE_ROWS):
        texts = render_batch_json(batch, start, SLICE_ROWS, only)
        for row, text in enumerate(texts, start):
            single = answers.singles.get(row) if text is None else None
            shown = render_single(single) if single else text
            if shown is not None:
                yield shown


def render_batch_json(
    batch: BatchAnswers, start: int, count: int, only: Verdict | None = None
) -> pl.Series:
    """Return the JSON texts of answers from a row on; null for what is not in the batch.

    Null also for answers with another verdict than `only`.
    """
    rows = batch.rows.slice(start, count)
    verdict = pl.col("verdict").cast(pl.String).fill_null(Verdict.CLEAR.value)
    is_shown = pl.col("value").is_not_null() & (pl.lit(only is None) | (verdict == str(only)))
    rows = rows.with_columns(
        verdict=verdict,
        reason=pl.col("reason").cast(pl.String).fill_null("unlisted"),
        scope=pl.col("scope").cast(pl.String),
        query=to_ascii_column(batch.queries[start : start + count]),
        cause=_quote(rows["cause"]),
        match_text=_quote(rows["match"]),
        facts=_render_facts(batch, start, rows.height),
        score=_render_scores(batch, rows["voices"]),
    ).join(_render_listings(batch, start, rows.height), on="row", how="left", maintain_order="left")
    return rows.select(text=pl.when(is_shown).then(_answer_text(batch.release)))["text"]


def _answer_text(release: int | None) -> pl.Expr:
    """Return the JSON text of a row; its keys are those of `check --json`, in their order."""
    match = _object(indicator="match_text", scope=_quote_column("scope"))
    return _object(
        query=_quote_column("query"),
        kind=pl.lit(f'"{Kind.DOMAIN}"'),
        verdict=_quote_column("verdict"),
        reason=_quote_column("reason"),
        cause=pl.col("cause").fill_null("null"),
        match=pl.when(pl.col("match_text").is_null()).then(_NULL).otherwise(match),
        listings=pl.concat_str(pl.lit("["), pl.col("listings").fill_null(""), pl.lit("]")),
        release=pl.lit(encode_json(release)),
        pending=_NULL,
        facts="facts",
        score="score",
    )


def _object(**values: pl.Expr | str) -> pl.Expr:
    """Return a JSON object of JSON texts."""
    parts: list[pl.Expr] = []
    for key, value in values.items():
        mark = ", " if parts else "{"
        parts += [pl.lit(f'{mark}"{key}": '), pl.col(value) if isinstance(value, str) else value]
    return pl.concat_str(*parts, pl.lit("}"))


def _quote_column(column: str) -> pl.Expr:
    """Return a column of plain words as JSON strings."""
    return pl.concat_str(pl.lit('"'), column, pl.lit('"'))


def _quote(texts: pl.Series) -> pl.Series:
    """Return any texts as JSON strings; null stays null."""
    odd = texts.filter(~texts.str.contains(_PLAIN))
    quoted = texts.to_frame("text").select(text=_quote_column("text"))["text"]
    if odd.is_empty():
        return quoted.alias(texts.name)
    mapped = texts.to_frame("text").join(
        map_unique(odd, encode_json), on="text", how="left", maintain_order="left"
    )
    return mapped["mapped"].fill_null(quoted).alias(texts.name)


def _render_facts(batch: BatchAnswers, start: int, count: int) -> pl.Series:
    """Return the facts of rows as JSON objects, empty ones for most."""
    if not batch.facts:
        return pl.Series(["{}"], dtype=pl.String).new_from_index(0, count)
    rows = (batch.facts.get(row) for row in range(start, start + count))
    return pl.Series([encode_json(facts) if facts else "{}" for facts in rows], dtype=pl.String)


def _render_scores(batch: BatchAnswers, voices: pl.Series) -> pl.Series:
    """Return the scores of rows; few different ones serve millions of names."""
    texts = {voices: encode_json(score) for voices, score in batch.scores.items()}
    return voices.replace_strict(texts, default=None, return_dtype=pl.String).fill_null("null")


def _render_listings(batch: BatchAnswers, start: int, count: int) -> pl.DataFrame:
    """Return `row` and `listings`, the texts of the listings of rows with a comma between them."""
    listed = batch.listings.filter(pl.col("row").is_between(start, start + count - 1))
    texts = ("feed", "value", "since", "until", "evidence")
    text = _object(
        feed="feed",
        indicator="value",
        scope=_quote_column("scope"),
        since="since",
        until=pl.col("until").fill_null("null"),
        evidence="evidence",
    )
    listed = listed.with_columns(
        pl.col("scope").cast(pl.String), *(_quote(listed[name].cast(pl.String)) for name in texts)
    )
    # Joining the texts of a list takes a seventh of the time of joining the texts of a group.
    each = listed.select(pl.col("row").set_sorted(), listings=text).group_by("row").agg("listings")
    return each.with_columns(pl.col("listings").list.join(", "))
