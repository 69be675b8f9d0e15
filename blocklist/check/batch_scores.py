"""Scores for a batch of answers: listings -> the feeds behind each verdict and their score.

`judge.scoring.explain` does the same for one value. Millions of names share few sets of feeds, so
each set is scored once.
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
    """Return `row` and `voices`, the names of the supporting feeds in one text, where any are."""
    by_feeds = decided.filter(pl.col("reason") != Reason.OPERATOR.value).select("row", "match")
    is_current = pl.col("until").is_null() & pl.col("feed").is_in(feeds)
    current = shown.filter(is_current).join(by_feeds, on="row")
    own = pl.col("value") == pl.col("match")
    here = (own & (pl.col("scope") != Scope.BELOW.value)) | (pl.col("host") == pl.col("match"))
    shown_feeds = current.select("feed", value="row", here=here, own=own)
    more_feeds = _find_more_page_feeds(current, listed.filter(is_current)).select(
        "feed", value="row", here=pl.lit(value=True), own=pl.lit(value=False)
    )
    parts = {name: pl.col(name) for name in ("here", "own")}
    bitsets, columns = build_feed_bitsets(
        pl.concat([shown_feeds, more_feeds]), pl.Series(feeds), parts
    )
    # Feeds that list what is below the value count only if no feed lists the value itself.
    directly = pl.any_horizontal(pl.col(name) != 0 for name in columns["here"])
    words = [
        pl.when(directly).then(word).otherwise(below)
        for word, below in zip(columns["here"], columns["own"], strict=True)
    ]
    return _join_feed_names(bitsets.select("value", *words), columns["here"], feeds)


def _join_feed_names(bitsets: pl.DataFrame, words: list[str], feeds: list[str]) -> pl.DataFrame:
    sets = bitsets.select(words).unique()
    texts = [_SEPARATOR.join(sorted(names)) for names in decode_bitsets(sets, words, feeds)]
    named = sets.with_columns(voices=pl.Series(texts, dtype=pl.String))
    rows = bitsets.join(named, on=words).filter(pl.col("voices") != "")
    return rows.select("voices", row="value")


def explain_feed_sets(
    supporting: pl.DataFrame, explainer: ScoreExplainer
) -> dict[str, ScoreExplanation]:
    """Return the score of each set of feeds, by its text in `voices`."""
    texts = supporting["voices"].unique().to_list()
    return {text: explainer.explain_feeds(text.split(_SEPARATOR)) for text in texts}


def _find_more_page_feeds(current: pl.DataFrame, listed: pl.DataFrame) -> pl.DataFrame:
    """Return `row` and `feed` of all page listings, for rows that do not show all of them."""
    counts = current.group_by("row").agg(pl.len(), pl.col("match").first())
    full = counts.filter(pl.col("len") >= MAX_PAGE_LISTINGS).select("row", host="match")
    if full.is_empty():
        return current.select("row", "feed").clear()
    page_feeds = select_page_listings(listed, most=2**31).select("host", "feed").unique()
    return full.join(page_feeds, on="host").select("row", "feed")
