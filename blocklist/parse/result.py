"""Hold the result of parsing: indicators, refusals and line counts; merge those of pieces."""

from collections import Counter
from dataclasses import dataclass

import polars as pl

from blocklist.frames.schemas import INDICATORS, REFUSALS

#: The reason of lines that were left unread, for the feed asked for no more.
BEYOND_LIMIT = "beyond-rank-limit"
#: Reasons of lines that are as they should be, but list nothing that is read from them: they say
#: nothing against the feed.
NEUTRAL_REASONS = (
    BEYOND_LIMIT,
    "filtered",
    "header",
    "local-data",
    "other-kind",
    "not-for-blocking",
    "expired",
    "revoked",
)


_ROWS_PER_SHARE = 1_000_000


@dataclass(frozen=True)
class ParseResult:
    """The indicators of a snapshot and the account of its lines.

    `lines` = `accepted` + `comments` + the rows of `refusals`, one a line, with the columns of
    `schema.REFUSALS`. `indicators` has the columns of `schema.INDICATORS`, one row an indicator and
    scope. `dropped` counts what was left out of accepted lines: redirect addresses of a hosts list,
    bad tokens beside good ones (`beside-REASON`), indicators listed before (`duplicate`).
    """

    format: str
    lines: int
    accepted: int
    comments: int
    indicators: pl.DataFrame
    refusals: pl.DataFrame
    dropped_counts: dict[str, int]

    @property
    def refusal_counts(self) -> dict[str, int]:
        """How many lines were refused for each reason, most frequent first."""
        counts = self.refusals.group_by("reason").len()
        return dict(counts.sort(["len", "reason"], descending=[True, False]).iter_rows())

    @property
    def share_accepted(self) -> float:
        """The share of lines read that gave an indicator; 0.0 when there are none."""
        refused = self.refusal_counts
        aside = sum(refused.get(reason, 0) for reason in NEUTRAL_REASONS)
        content = self.lines - self.comments - aside
        return self.accepted / content if content else 0.0


def merge_results(name: str, parts: list[ParseResult]) -> ParseResult:
    """Return the account of a whole snapshot from those of its pieces, duplicates dropped."""
    indicators = _concat_frames([part.indicators for part in parts], INDICATORS)
    refusals = _concat_frames([part.refusals for part in parts], REFUSALS)
    repeated = _find_duplicates(indicators.select("kind", "value", "scope"))
    dropped = Counter({"duplicate": len(repeated)})
    for part in parts:
        dropped.update(part.dropped_counts)
    return ParseResult(
        format=name,
        lines=sum(part.lines for part in parts),
        accepted=sum(part.accepted for part in parts),
        comments=sum(part.comments for part in parts),
        indicators=_drop_rows(indicators, repeated),
        refusals=refusals,
        dropped_counts={what: count for what, count in dropped.most_common() if count},
    )


def _concat_frames(frames: list[pl.DataFrame], schema: pl.Schema) -> pl.DataFrame:
    return pl.concat([schema.to_frame(), *frames])


def _find_duplicates(rows: pl.DataFrame) -> pl.Series:
    """Return the numbers of rows that were there before.

    By hashes, and the few that are alike by them in shares of these: one set of all rows would need
    more memory than the rows themselves.
    """
    hashes = rows.hash_rows()
    ordered = hashes.sort()
    twice = ordered.filter(ordered == ordered.shift()).unique()
    alike = hashes.is_in(twice.implode()).arg_true()
    shares = len(alike) // _ROWS_PER_SHARE + 1
    share_of = hashes.gather(alike) % shares
    found = []
    for share in range(shares):
        places = alike.filter(share_of == share)
        known = rows[places].select(pl.struct(pl.all()).is_first_distinct()).to_series()
        found.append(places.filter(~known))
    return pl.concat(found)


def _drop_rows(rows: pl.DataFrame, places: pl.Series) -> pl.DataFrame:
    if places.is_empty():
        return rows
    gone = pl.zeros(rows.height, pl.Boolean, eager=True).scatter(places, True)
    return rows.filter(~gone)
