"""Sets of feeds as bits: the same result as counting feeds one at a time."""

from collections.abc import Iterable

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from blocklist.judge.scoring.feed_sets import build_feed_bitsets, score_bitsets
from tests.support.examples import at_most

FEEDS = pl.Series("feed", [f"feed{number}" for number in range(130)])
rows = st.tuples(st.sampled_from(FEEDS.to_list()), st.sampled_from("ab"), st.booleans())


def summed(feeds: Iterable[str]) -> float:
    """Return a stand-in for a score, different for all sets of feeds in these tests."""
    return sum(2.0 ** (FEEDS.index_of(feed) or 0) for feed in feeds)


@at_most(50)
@given(listed=st.lists(rows, min_size=1))
def test_each_feed_is_one_voice(listed: list[tuple[str, str, bool]]) -> None:
    listings = pl.DataFrame(listed, schema=["feed", "value", "loud"], orient="row")
    said, columns = build_feed_bitsets(
        listings, FEEDS, {"all": pl.lit(value=True), "loud": pl.col("loud")}
    )
    found = said.select(
        "value",
        *(
            score_bitsets(said, columns[part], FEEDS.to_list(), summed).alias(part)
            for part in columns
        ),
    )
    for value, every, loud in found.iter_rows():
        for total, only in ((every, {True, False}), (loud, {True})):
            feeds = {feed for feed, one, is_loud in listed if one == value and is_loud in only}
            assert total == (summed(feeds) or None), value
    assert set(found["value"]) == {value for _, value, _ in listed}


def test_no_feeds_say_nothing() -> None:
    schema = {"feed": pl.String, "value": pl.String}
    said, columns = build_feed_bitsets(
        pl.DataFrame(schema=schema), FEEDS[:0], {"all": pl.lit(value=True)}
    )
    assert said.is_empty()
    assert score_bitsets(said, columns["all"], [], summed).is_empty()
