"""Build one frame of answers: answer columns and single answers -> one row a query."""

from collections.abc import Mapping, Sequence

import polars as pl

from blocklist.check.batch import BatchAnswers
from blocklist.check.single import Answer
from blocklist.frames.schemas import KIND, REASON, SCOPE, VERDICT
from blocklist.model import Kind, Reason, Verdict

_ROW = pl.Schema(
    [
        ("row", pl.UInt32()),
        ("kind", KIND),
        ("verdict", VERDICT),
        ("reason", REASON),
        ("cause", pl.String()),
        ("indicator", pl.String()),
        ("scope", SCOPE),
    ]
)


def build_answer_frame(
    queries: Sequence[str], batch: BatchAnswers | None, singles: Mapping[int, Answer]
) -> pl.DataFrame:
    """Return one row a query: `query`, and the columns of `_ROW` but the first.

    A byte that is no text is shown escaped in `query`.
    """
    rows = [_answer_row(row, answer) for row, answer in singles.items()]
    parts = [pl.DataFrame(rows, schema=_ROW, orient="row")]
    if batch is not None:
        parts.append(_select_batch_rows(batch))
    texts = [query.encode(errors="backslashreplace").decode() for query in queries]
    ordered = pl.concat(parts).sort("row").drop("row")
    return ordered.select(pl.Series("query", texts, dtype=pl.String), pl.all())


def _answer_row(row: int, answer: Answer) -> tuple[object, ...]:
    match = answer.match
    where = (match.indicator, match.scope) if match else (None, None)
    return row, answer.kind, answer.verdict, answer.reason, answer.cause, *where


def _select_batch_rows(batch: BatchAnswers) -> pl.DataFrame:
    answered = batch.rows.filter(pl.col("value").is_not_null())
    return answered.select(
        "row",
        pl.lit(Kind.DOMAIN.value, KIND).alias("kind"),
        pl.col("verdict").cast(VERDICT).fill_null(Verdict.CLEAR.value),
        pl.col("reason").cast(REASON).fill_null(Reason.UNLISTED.value),
        "cause",
        indicator="match",
        scope=pl.col("scope").cast(SCOPE),
    )
