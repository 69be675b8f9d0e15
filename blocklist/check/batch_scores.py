"""Scores for a batch of answers: listings -> the feeds behind each verdict and their score.

`judge.scoring.explain` does the same for one value; most names share few sets of feeds.
"""

import polars as pl

from blocklist.check.batch_listings import select_page_listings
from blocklist.judge.scoring.explain import ScoreExplainer, ScoreExplanation
from blocklist.judge.scoring.feed_sets import build_feed_bitsets, decode_bitsets
from blocklist.ledger.lookup import MAX_PAGE_LISTINGS
from blocklist.model import Reason, Scope

_SEPARATOR = "\n"


def find_supporting_feeds(
    decided: pl.DataFrame, shown: pl.DataFrame, listed: pl.DataFrame, feeds: list[str]
) -> pl.DataFrame:
    """Return the `voices` on each `row` that has a score, the names of feeds in one text."""
    by_feeds = decided.filter(pl.col("reason") != Reason.OPERATOR.value).select("row", "match")
    now = pl.col("until").is_null() & pl.col("feed").is_in(feeds)
    heard = shown.filter(now).join(by_feeds, on="row")
    own = pl.col("value") == pl.col("match")
    here = (own & (pl.col("scope") != Scope.BELOW.value)) | (pl.col("host") == pl.col("match"))
    found = heard.select("feed", value="row", here=here, own=own)
    more = _find_more_page_feeds(heard, listed.filter(now)).select(
        "feed", value="row", here=pl.lit(value=True), own=pl.lit(value=False)
    )
    parts = {name: pl.col(name) for name in ("here", "own")}
    said, columns = build_feed_bitsets(pl.concat([found, more]), pl.Series(feeds), parts)
    # Of what is below it only where nobody speaks of the thing itself.
    directly = pl.any_horizontal(pl.col(name) != 0 for name in columns["here"])
    words = [
        pl.when(directly).then(word).otherwise(below)
        for word, below in zip(columns["here"], columns["own"], strict=True)
    ]
    return _join_feed_names(said.select("value", *words), columns["here"], feeds)


def _join_feed_names(said: pl.DataFrame, words: list[str], feeds: list[str]) -> pl.DataFrame:
    alike = said.select(words).unique()
    texts = [_SEPARATOR.join(sorted(some)) for some in decode_bitsets(alike, words, feeds)]
    named = alike.with_columns(voices=pl.Series(texts, dtype=pl.String))
    found = said.join(named, on=words).filter(pl.col("voices") != "")
    return found.select("voices", row="value")


def explain_feed_sets(
    spoken: pl.DataFrame, explainer: ScoreExplainer
) -> dict[str, ScoreExplanation]:
    """Return the score of each set of voices."""
    every = spoken["voices"].unique().to_list()
    return {text: explainer.explain_feeds(text.split(_SEPARATOR)) for text in every}


def _find_more_page_feeds(heard: pl.DataFrame, listed: pl.DataFrame) -> pl.DataFrame:
    """Return `row` and `feed` of all who list pages, where not all pages are among the listings."""
    many = heard.group_by("row").agg(pl.len(), pl.col("match").first())
    many = many.filter(pl.col("len") >= MAX_PAGE_LISTINGS).select("row", host="match")
    if many.is_empty():
        return heard.select("row", "feed").clear()
    every = select_page_listings(listed, most=2**31).select("host", "feed").unique()
    return many.join(every, on="host").select("row", "feed")
