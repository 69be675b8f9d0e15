"""Compare when feeds first listed a value: dated listings -> counts and leads of each feed.

Only values whose later listing is new in its feed can be dated.
"""

import polars as pl

# Stands where there is no later run, which have numbers from 1 on.
_NO_RUN = -1


class FirstSeenIndex:
    """Who is first, of two feeds that list the same, and of one feed and all others."""

    def __init__(self, listed: pl.DataFrame, days: dict[int, float]) -> None:
        """Work it out for listings (`columns.schema.DATED`); `days` is when each run was."""
        told = listed.filter("new").select("value").unique()
        rows = listed.join(told, on="value", how="semi").sort("value")
        # Numbers for values, for they are sorted and joined again and again.
        rows = rows.with_columns(value=pl.col("value").rle_id())
        self._rows_by_feed = {
            str(key): part for (key,), part in rows.partition_by("feed", as_dict=True).items()
        }
        found = _summarize_feeds(rows, days)
        self._summaries = {feed: (n, first, median) for feed, n, first, median in found.iter_rows()}

    def compare_pair(self, follower: str, leader: str) -> tuple[int, float]:
        """Return how many shared entries are dated, and of which share the leader was no later.

        A join for each pair that is asked about, which are few: all pairs would be as many rows as
        the square of how many feeds list a value.
        """
        if not {follower, leader} <= self._rows_by_feed.keys():
            return 0, 0.0
        shared = self._rows_by_feed[follower].join(
            self._rows_by_feed[leader], on="value", suffix="_other"
        )
        behind = pl.col("since_other") <= pl.col("since")
        later_is_new = pl.when(behind).then("new").otherwise("new_other")
        equal = pl.col("since_other") == pl.col("since")
        dated = shared.filter(later_is_new & (~equal | pl.col("new_other")))
        count, share = dated.select(pl.len(), behind.mean().fill_null(0.0)).row(0)
        return count, share

    def summarize_feed(self, feed: str) -> tuple[int, int, float | None]:
        """Return how many shared entries are dated, how many were first here, and the lead."""
        return self._summaries.get(feed, (0, 0, None))


def _summarize_feeds(rows: pl.DataFrame, days: dict[int, float]) -> pl.DataFrame:
    """Return of each feed how many entries are dated, how many were first here, and the lead."""
    nearest = _find_nearest_run(rows).filter(pl.col("nearest").is_not_null())
    ahead = pl.col("since") < pl.col("nearest")
    here, there = (
        pl.col(name).replace_strict(days, return_dtype=pl.Float64) for name in ("since", "nearest")
    )
    return nearest.group_by("feed").agg(
        pl.len(), first=ahead.sum(), lead=(there - here).filter(ahead).median()
    )


def _find_nearest_run(rows: pl.DataFrame) -> pl.DataFrame:
    """Return `feed`, `since`, and the first run in which another feed listed it, where dated."""
    # By value and run: how many are new, the first run, and the next that has a new one.
    runs = rows.group_by("value", "since").agg(news=pl.col("new").sum()).sort("value", "since")
    value, fresh = pl.col("value"), pl.when(pl.col("news") > 0).then("since")
    # What is filled in stops where the value ends.
    last = pl.when(value == value.shift(-1)).then(fresh.shift(-1)).otherwise(_NO_RUN)
    begins = pl.when((value == value.shift(1)).fill_null(value=False)).then(None).otherwise("since")
    runs = runs.with_columns(
        later=last.backward_fill().replace(_NO_RUN, None), first=begins.forward_fill()
    )
    earlier = pl.when(pl.col("first") < pl.col("since")).then("first")
    equal = pl.when(pl.col("news") > 1).then("since")
    return rows.join(runs, on=["value", "since"]).select(
        "feed",
        "since",
        nearest=pl.when("new").then(pl.coalesce(earlier, equal, "later")).otherwise("later"),
    )
