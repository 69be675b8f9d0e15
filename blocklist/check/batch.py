"""Answer many queries with joins: queries -> answers as columns.

Only plain names are answered here. Addresses, URLs and unusual spellings are left to
`check.single`, which defines what the answers mean.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import polars as pl

from blocklist.check.batch_facts import load_batch_facts
from blocklist.check.batch_listings import LISTING_COLUMNS, select_shown_listings
from blocklist.check.batch_scores import explain_feed_sets, find_supporting_feeds
from blocklist.check.single import Answer
from blocklist.frames.names import expand_ancestors
from blocklist.indicators.names import MAX_LABEL_LENGTH
from blocklist.judge.scoring.explain import ScoreExplainer, ScoreExplanation
from blocklist.ledger.db.transaction import Transaction
from blocklist.ledger.feeds.listings import load_listing_history
from blocklist.ledger.point_in_time import PointInTime
from blocklist.ledger.releases.verdicts import verdicts_for
from blocklist.model import FeedWeight, Kind, Listing, Match, Reason, Scope, Verdict

_NAME_PATTERN = r"^(?:[a-z0-9_-]+\.)+[a-z][a-z0-9_-]*$"
_GRAVITY = {Verdict.HOLD.value: 1, Verdict.ALLOW.value: 2, Verdict.CLEAR.value: 3}
# A dictionary makes members of a million words in a third of the time that an enumeration takes.
_SCOPES = {scope.value: scope for scope in Scope}
_VERDICTS = {verdict.value: verdict for verdict in Verdict}
_REASONS = {reason.value: reason for reason in Reason}


@dataclass(frozen=True, slots=True)
class BatchAnswers:
    """The answers to many queries, as columns."""

    queries: list[str]
    #: For each query in order its `row`, the `value` that it means, and `verdict`, `reason`,
    #: `cause`, `match`, `scope` and `voices`; no value where it is to be asked by itself.
    rows: pl.DataFrame
    #: `row` and the fields of its listings, in order.
    listings: pl.DataFrame
    #: What a score of these `voices` is.
    scores: dict[str, ScoreExplanation]
    #: What resolving gave, of the rows where it gave anything.
    facts: dict[int, dict[str, object]]
    release: int | None

    @property
    def any_blocked(self) -> bool:
        """Whether any of them is blocked."""
        return bool((self.rows["verdict"] == Verdict.BLOCK.value).any())

    def iter_answers(self, wanted: pl.Series | None = None) -> Iterator[Answer | None]:
        """Yield the answers in order, None for a query that is to be asked by itself.

        With `wanted`, which tells it of each query, only those of some.
        """
        rows = self.rows if wanted is None else self.rows.filter(wanted)
        shown = _make_listing_reader(
            self.listings.join(rows, on="row", how="semi", maintain_order="left")
        )
        for row, value, *decided in rows.iter_rows():
            found = shown(row)
            yield None if value is None else self._build_answer(row, decided, found)

    def _build_answer(
        self, row: int, decided: list[str | None], shown: tuple[Listing, ...]
    ) -> Answer:
        query, facts = self.queries[row], self.facts.get(row, {})
        verdict, reason, cause, match, scope, voice = decided
        if verdict is None:
            nothing = (Verdict.CLEAR, Reason.UNLISTED, None, None)
            return Answer(query, Kind.DOMAIN, *nothing, shown, self.release, facts)
        assert reason and match and scope
        said = (_VERDICTS[verdict], _REASONS[reason], cause, Match(match, _SCOPES[scope]))
        score = None if voice is None else self.scores[voice]
        return Answer(query, Kind.DOMAIN, *said, shown, self.release, facts, score)


def check_many(
    queries: list[str],
    bulk: Transaction,
    votes: list[FeedWeight],
    release: int | None,
    at: PointInTime | None = None,
) -> BatchAnswers:
    """Return the answers to queries, as of now or of a moment; see `check.check`.

    `votes` are how the feeds counted, and `release` is the one in force.
    """
    asked = _select_plain_names(queries)
    steps = expand_ancestors(asked, "value").drop("value")
    near = steps["ancestor"].unique()
    # Where there was no release yet, no verdict holds.
    number = at.release or 0 if at else None
    decided = _pick_decisive_verdicts(steps, verdicts_for(bulk, near, number))
    listed = load_listing_history(bulk, near, at.run if at else None)
    shown = select_shown_listings(asked, steps, decided, listed)
    explainer = ScoreExplainer(votes)
    spoken = find_supporting_feeds(decided, shown, listed, [vote.feed for vote in votes])
    every = pl.int_range(len(queries), eager=True, dtype=pl.UInt32).alias("row").to_frame()
    for part in (asked, decided, spoken):
        every = every.join(part, on="row", how="left", maintain_order="left")
    return BatchAnswers(
        queries,
        every,
        shown.select("row", *LISTING_COLUMNS),
        explain_feed_sets(spoken, explainer),
        {} if at else load_batch_facts(bulk, steps),
        release,
    )


def to_ascii_column(queries: list[str]) -> pl.Series:
    """Return queries as a column, empty where one is not ASCII.

    Such a one is asked by itself, and may not even be a text that a column can hold.
    """
    return pl.Series([query if query.isascii() else "" for query in queries], dtype=pl.String)


def _select_plain_names(queries: list[str]) -> pl.DataFrame:
    """Return `row` and `value` of the queries that are names and nothing else to them."""
    texts = to_ascii_column(queries).to_frame("value").with_row_index("row")
    ascii_only = pl.col("value").str.contains(r"^[!-~]*$")
    texts = texts.filter(ascii_only).with_columns(pl.col("value").str.to_lowercase())
    # A name that is no longer than a label may be has no label that is too long.
    short = pl.col("value").str.len_bytes() <= MAX_LABEL_LENGTH
    return texts.filter(short & pl.col("value").str.contains(_NAME_PATTERN))


def _pick_decisive_verdicts(steps: pl.DataFrame, verdicts: pl.DataFrame) -> pl.DataFrame:
    """Return the verdict that decides about each `row`, where one does; see `check._decisive`."""
    found = steps.join(verdicts, left_on="ancestor", right_on="value")
    exact, below = (pl.col("scope") == scope.value for scope in (Scope.EXACT, Scope.BELOW))
    covering = found.filter(pl.when(pl.col("steps") == 0).then(~below).otherwise(~exact))
    block, allow, hold = (
        pl.col("verdict") == verdict.value
        for verdict in (Verdict.BLOCK, Verdict.ALLOW, Verdict.HOLD)
    )
    in_force = block | ((allow | hold) & (pl.col("reason") == Reason.OPERATOR.value))
    gravity = pl.col("verdict").cast(pl.String).replace_strict(_GRAVITY, default=0)
    ordered = covering.with_columns(
        gravity=pl.when(in_force).then(0).otherwise(gravity),
        wide=pl.col("scope") == Scope.SUBTREE.value,
        shut=~allow,
    ).sort("row", "gravity", "steps", "wide", "shut")
    return ordered.unique("row", keep="first", maintain_order=True).select(
        "row", "verdict", "reason", "cause", match="ancestor", scope="scope"
    )


def _make_listing_reader(shown: pl.DataFrame) -> Callable[[int], tuple[Listing, ...]]:
    """Return a function that gives the listings of rows, asked for in order."""
    groups = groupby(shown.iter_rows(), key=itemgetter(0))
    waiting = next(groups, None)

    def take_listings(row: int) -> tuple[Listing, ...]:
        nonlocal waiting
        if waiting is None or waiting[0] != row:
            return ()
        found = [
            Listing(feed, value, _SCOPES[scope], since, until, evidence)
            for _, feed, value, scope, since, until, evidence in waiting[1]
        ]
        waiting = next(groups, None)
        return tuple(found)

    return take_listings
