"""Compare when feeds first listed a value: dated listings -> counts and leads of each feed.

Only values whose later listing is new in its feed can be dated.
"""

import polars as pl

# Marks that there is no later run; run numbers start at 1.
_NO_RUN = -1


class FirstSeenIndex:
    """Compares which feed listed a value first: pairs of feeds, and one feed with all others."""

    def __init__(self, listings: pl.DataFrame, run_days: dict[int, float]) -> None:
        """Index listings (schema `DATED_LISTINGS`); `run_days` is the time of each run in days."""
        datable = listings.filter("new").select("value").unique()
        rows = listings.join(datable, on="value", how="semi").sort("value")
        # Numbers in place of values, because they are sorted and joined several times.
        rows = rows.with_columns(value=pl.col("value").rle_id())
        self._rows_by_feed = {
            str(key): part for (key,), part in rows.partition_by("feed", as_dict=True).items()
        }
        summaries = _summarize_feeds(rows, run_days)
        self._summaries = {
            feed: (n, first, median) for feed, n, first, median in summaries.iter_rows()
        }

    def compare_pair(self, follower: str, leader: str) -> tuple[int, float]:
        """Return how many shared entries are dated, and in which share the leader was not later.

        This is a join for each pair; the few pairs that are compared are much cheaper than a join
        of all pairs.
        """
        if not {follower, leader} <= self._rows_by_feed.keys():
            return 0, 0.0
        shared = self._rows_by_feed[follower].join(
            self._rows_by_feed[leader], on="value", suffix="_other"
        )
        is_not_earlier = pl.col("since_other") <= pl.col("since")
        later_is_new = pl.when(is_not_earlier).then("new").otherwise("new_other")
        equal = pl.col("since_other") == pl.col("since")
        dated = shared.filter(later_is_new & (~equal | pl.col("new_other")))
        count, share = dated.select(pl.len(), is_not_earlier.mean().fill_null(0.0)).row(0)
        return count, share

    def summarize_feed(self, feed: str) -> tuple[int, int, float | None]:
        """Return a feed's dated shared entries, how many it listed first, and its median lead."""
        return self._summaries.get(feed, (0, 0, None))


def _summarize_feeds(rows: pl.DataFrame, run_days: dict[int, float]) -> pl.DataFrame:
    """Return `feed`, the number of dated entries, how many it listed first, and the median lead."""
    nearest = _find_nearest_run(rows).filter(pl.col("nearest").is_not_null())
    is_first = pl.col("since") < pl.col("nearest")
    own_day, next_day = (
        pl.col(name).replace_strict(run_days, return_dtype=pl.Float64)
        for name in ("since", "nearest")
    )
    return nearest.group_by("feed").agg(
        pl.len(), first=is_first.sum(), lead=(next_day - own_day).filter(is_first).median()
    )


def _find_nearest_run(rows: pl.DataFrame) -> pl.DataFrame:
    """Return `feed`, `since`, and the first run in which another feed listed it, if it is dated."""
    # For each value and run: the number of new listings, the first run, and the next run with a new
    # one.
    runs = rows.group_by("value", "since").agg(news=pl.col("new").sum()).sort("value", "since")
    value, run_with_new = pl.col("value"), pl.when(pl.col("news") > 0).then("since")
    # Filling stops where the value changes.
    last = pl.when(value == value.shift(-1)).then(run_with_new.shift(-1)).otherwise(_NO_RUN)
    run_at_start = (
        pl.when((value == value.shift(1)).fill_null(value=False)).then(None).otherwise("since")
    )
    runs = runs.with_columns(
        later=last.backward_fill().replace(_NO_RUN, None), first=run_at_start.forward_fill()
    )
    earlier = pl.when(pl.col("first") < pl.col("since")).then("first")
    equal = pl.when(pl.col("news") > 1).then("since")
    return rows.join(runs, on=["value", "since"]).select(
        "feed",
        "since",
        nearest=pl.when("new").then(pl.coalesce(earlier, equal, "later")).otherwise("later"),
    )
