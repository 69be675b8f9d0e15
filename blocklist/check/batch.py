"""Answer many queries with joins: queries -> answers as columns.

Only plain names are answered here. Addresses, URLs and unusual spellings are left to
`check.single`, which defines the answers.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import polars as pl

from blocklist.check.batch_facts import load_batch_facts
from blocklist.check.batch_listings import (
    LISTING_COLUMNS,
    find_unreleased_rows,
    select_shown_listings,
)
from blocklist.check.batch_scores import explain_feed_sets, find_supporting_feeds
from blocklist.check.single import Answer
from blocklist.frames.names import are_at_or_below, expand_ancestors
from blocklist.indicators.names import MAX_LABEL_LENGTH
from blocklist.judge.scoring.explain import ScoreExplainer, ScoreExplanation
from blocklist.ledger.db.transaction import Transaction
from blocklist.ledger.feeds.listings import load_listing_history
from blocklist.ledger.point_in_time import PointInTime
from blocklist.ledger.releases.verdicts import verdicts_for
from blocklist.model import FeedWeight, Kind, Listing, Match, Reason, Scope, Verdict

_NAME_PATTERN = r"^(?:[a-z0-9_-]+\.)+[a-z][a-z0-9_-]*$"
_GRAVITY = {Verdict.HOLD.value: 1, Verdict.ALLOW.value: 2, Verdict.CLEAR.value: 3}
# A dictionary turns a million words into members three times as fast as the enumeration does.
_SCOPES = {scope.value: scope for scope in Scope}
_VERDICTS = {verdict.value: verdict for verdict in Verdict}
_REASONS = {reason.value: reason for reason in Reason}


@dataclass(frozen=True, slots=True, eq=False)
class BatchAnswers:
    """The answers to the plain names among many queries, as columns."""

    queries: Sequence[str]
    #: For each query in order: its `row`, its canonical `value` (null if it is not answered here),
    #: and `verdict`, `reason`, `cause`, `match`, `scope` and `voices` (null without a verdict).
    rows: pl.DataFrame
    #: `row` and the fields of its listings, in order.
    listings: pl.DataFrame
    #: The score of each value of `voices`.
    scores: dict[str, ScoreExplanation]
    #: DNS facts by row; rows without facts are left out.
    facts: dict[int, dict[str, object]]
    #: The release that was asked; None if there is none.
    release: int | None

    @property
    def any_blocked(self) -> bool:
        """Whether any of them is blocked."""
        return bool((self.rows["verdict"] == Verdict.BLOCK.value).any())

    def unanswered_rows(self) -> list[int]:
        """Return the positions of the queries that are not answered here."""
        return self.rows.filter(pl.col("value").is_null())["row"].to_list()

    def iter_answers(self, positions: Sequence[int] | None = None) -> Iterator[Answer]:
        """Yield the answers at some positions, in that order; all that are answered if None."""
        rows = self.rows.filter(pl.col("value").is_not_null())
        listings = self.listings
        if positions is not None:
            wanted = pl.Series("row", positions, dtype=pl.UInt32).to_frame()
            rows = wanted.join(rows, on="row", maintain_order="left")
            listings = wanted.join(listings, on="row", maintain_order="left_right")
        take_listings = _make_listing_reader(listings)
        for row, _, *decided in rows.iter_rows():
            yield self._build_answer(row, decided, take_listings(row))

    def _build_answer(
        self, row: int, decided: list[str | None], listings: tuple[Listing, ...]
    ) -> Answer:
        query, facts = self.queries[row], self.facts.get(row, {})
        verdict, reason, cause, match, scope, voices = decided
        if verdict is None:
            nothing = (Verdict.CLEAR, Reason.UNLISTED, cause, None)
            return Answer(query, Kind.DOMAIN, *nothing, listings, self.release, facts)
        assert reason and match and scope
        outcome = (_VERDICTS[verdict], _REASONS[reason], cause, Match(match, _SCOPES[scope]))
        score = None if voices is None else self.scores[voices]
        return Answer(query, Kind.DOMAIN, *outcome, listings, self.release, facts, score)


def check_many(  # noqa: PLR0913 (what is read once for a whole batch)
    queries: Sequence[str],
    transaction: Transaction,
    weights: list[FeedWeight],
    release: int | None,
    at: PointInTime | None = None,
    excluded: Sequence[str] = (),
    *,
    absence: str | None = None,
) -> BatchAnswers:
    """Return the answers to the plain names among queries, as of now or of a moment.

    Names at and below the `excluded` ones are not answered. `weights` are the feed weights of the
    last judging, `release` is the number of the release, `absence` is the cause of answers to names
    that are listed and not in the release.
    """
    asked = _select_plain_names(queries)
    if excluded:
        asked = asked.filter(~are_at_or_below(asked["value"], pl.Series(excluded)))
    steps = expand_ancestors(asked, "value").drop("value")
    near = steps["ancestor"].unique()
    # Release 0 has no verdicts: there was no release yet.
    number = at.release or 0 if at else None
    verdicts = verdicts_for(transaction, near, number)
    decided = _pick_decisive_verdicts(steps, verdicts)
    listed = load_listing_history(transaction, near, at.run if at else None)
    shown = select_shown_listings(asked, steps, decided, listed)
    supporting = find_supporting_feeds(decided, shown, listed, [one.feed for one in weights])
    rows = pl.int_range(len(queries), eager=True, dtype=pl.UInt32).alias("row").to_frame()
    for part in (asked, decided, supporting):
        rows = rows.join(part, on="row", how="left", maintain_order="left")
    unreleased = find_unreleased_rows(asked, shown, verdicts.select("value"))["row"]
    is_unreleased = pl.col("verdict").is_null() & pl.col("row").is_in(unreleased.implode())
    rows = rows.with_columns(cause=pl.when(is_unreleased).then(pl.lit(absence)).otherwise("cause"))
    return BatchAnswers(
        queries,
        rows,
        shown.select("row", *LISTING_COLUMNS),
        explain_feed_sets(supporting, ScoreExplainer(weights)),
        {} if at else load_batch_facts(transaction, steps),
        release,
    )


def to_ascii_column(queries: Sequence[str]) -> pl.Series:
    """Return queries as a column, an empty text for each that is not ASCII.

    Those are answered one at a time; they may hold bytes that no column can hold.
    """
    return pl.Series([query if query.isascii() else "" for query in queries], dtype=pl.String)


def _select_plain_names(queries: Sequence[str]) -> pl.DataFrame:
    """Return `row` and `value` of the queries that are plain names."""
    texts = to_ascii_column(queries).to_frame("value").with_row_index("row")
    ascii_only = pl.col("value").str.contains(r"^[!-~]*$")
    texts = texts.filter(ascii_only).with_columns(pl.col("value").str.to_lowercase())
    # In a name this short no label can be too long.
    short = pl.col("value").str.len_bytes() <= MAX_LABEL_LENGTH
    return texts.filter(short & pl.col("value").str.contains(_NAME_PATTERN))


def _pick_decisive_verdicts(steps: pl.DataFrame, verdicts: pl.DataFrame) -> pl.DataFrame:
    """Return the deciding verdict of each `row` that has one; as `single._pick_decisive` does."""
    rows = steps.join(verdicts, left_on="ancestor", right_on="value")
    exact, below = (pl.col("scope") == scope.value for scope in (Scope.EXACT, Scope.BELOW))
    covering = rows.filter(pl.when(pl.col("steps") == 0).then(~below).otherwise(~exact))
    block, allow, hold = (
        pl.col("verdict") == verdict.value
        for verdict in (Verdict.BLOCK, Verdict.ALLOW, Verdict.HOLD)
    )
    in_force = block | ((allow | hold) & (pl.col("reason") == Reason.OPERATOR.value))
    gravity = pl.col("verdict").cast(pl.String).replace_strict(_GRAVITY, default=0)
    ordered = covering.with_columns(
        gravity=pl.when(in_force).then(0).otherwise(gravity),
        wide=~exact,
        shut=~allow,
    ).sort("row", "gravity", "steps", "wide", "shut")
    return ordered.unique("row", keep="first", maintain_order=True).select(
        "row", "verdict", "reason", "cause", match="ancestor", scope="scope"
    )


def _make_listing_reader(shown: pl.DataFrame) -> Callable[[int], tuple[Listing, ...]]:
    """Return a function that returns the listings of a row; rows must be asked for in order."""
    groups = groupby(shown.iter_rows(), key=itemgetter(0))
    waiting = next(groups, None)

    def take_listings(row: int) -> tuple[Listing, ...]:
        nonlocal waiting
        if waiting is None or waiting[0] != row:
            return ()
        listings = [
            Listing(feed, value, _SCOPES[scope], since, until, evidence)
            for _, feed, value, scope, since, until, evidence in waiting[1]
        ]
        waiting = next(groups, None)
        return tuple(listings)

    return take_listings
