"""Comparing frames by row hashes finds exactly the rows that differ."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from blocklist.frames.diff import count_distinct, find_unmatched_rows

ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), max_size=12)


def frame(rows: list[tuple[str, str]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"value": pl.String, "scope": pl.String}, orient="row")


@given(before=ROWS, after=ROWS)
def test_rows_of_one_that_the_other_has_not(
    before: list[tuple[str, str]], after: list[tuple[str, str]]
) -> None:
    gone, new = find_unmatched_rows(frame(before), frame(after))
    assert gone.to_list() == [row not in after for row in before]
    assert new.to_list() == [row not in before for row in after], "also where a row is there twice"


@given(rows=ROWS)
def test_how_many_are_different(rows: list[tuple[str, str]]) -> None:
    assert count_distinct(frame(rows).hash_rows()) == len(set(rows))
