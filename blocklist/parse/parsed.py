"""What parsing a snapshot gives."""

from dataclasses import dataclass

import polars as pl

#: The reason of lines that were left unread, for the feed asked for no more.
BEYOND_LIMIT = "beyond-rank-limit"


@dataclass(frozen=True)
class Parsed:
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
    dropped: dict[str, int]

    @property
    def refused(self) -> dict[str, int]:
        """How many lines were refused for each reason, most frequent first."""
        counts = self.refusals.group_by("reason").len()
        return dict(counts.sort(["len", "reason"], descending=[True, False]).iter_rows())

    @property
    def share_accepted(self) -> float:
        """The share of lines read that gave an indicator; 0.0 when there are none."""
        content = self.lines - self.comments - self.refused.get(BEYOND_LIMIT, 0)
        return self.accepted / content if content else 0.0
