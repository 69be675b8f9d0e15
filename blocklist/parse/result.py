"""Hold the result of parsing: indicators, refusals and line counts; merge results of pieces."""

from collections import Counter
from dataclasses import dataclass, field

import polars as pl

from blocklist.frames.schemas import INDICATORS, REFUSALS
from blocklist.parse.own_exceptions import NO_NAMES, OWN_RULES
from blocklist.parse.reasons import count_unread

#: So many refused lines of each reason are kept as samples.
_SAMPLES = 3
# Rows that are compared at once when duplicates are searched.
_ROWS_PER_SHARE = 1_000_000


@dataclass(frozen=True, eq=False)
class ParseResult:
    """The indicators of a snapshot and what became of each of its lines.

    `lines` = `accepted` + `comments` + rows of `refusals` (schema `REFUSALS`, one row a line).
    `indicators` has the schema `INDICATORS`, one row for an indicator and scope. `dropped_counts`
    counts what was dropped from accepted lines: redirect addresses of a hosts list, bad tokens
    beside good ones (`beside-REASON`), repeated indicators (`duplicate`), and what the list itself
    exempts (`exempted`, `narrowed-to-exact`).
    """

    format: str
    lines: int
    accepted: int
    comments: int
    indicators: pl.DataFrame
    refusals: pl.DataFrame
    dropped_counts: dict[str, int]
    #: Exceptions of the list, and what they do not reach (schema `OWN_RULES`).
    own_rules: pl.DataFrame = field(default_factory=OWN_RULES.to_frame)
    #: The listed names below which the list exempts a name.
    exempting: pl.Series = field(default_factory=lambda: NO_NAMES)

    @property
    def refusal_counts(self) -> dict[str, int]:
        """Number of refused lines by reason, most frequent first."""
        counts = self.refusals.group_by("reason").len()
        return dict(counts.sort(["len", "reason"], descending=[True, False]).iter_rows())

    @property
    def share_accepted(self) -> float:
        """Share of the lines with content that gave an indicator; 0.0 without such lines."""
        content = self.accepted + count_unread(self.refusal_counts)
        return self.accepted / content if content else 0.0

    @property
    def samples(self) -> dict[str, list[dict[str, object]]]:
        """The first refused lines of each reason, with `line` and `text`."""
        first = self.refusals.group_by("reason", maintain_order=True).head(_SAMPLES)
        parts = first.partition_by("reason", as_dict=True, include_key=False, maintain_order=True)
        return {str(reason): part.sort("line").to_dicts() for (reason,), part in parts.items()}


def merge_results(name: str, parts: list[ParseResult]) -> ParseResult:
    """Return the result of a whole snapshot from those of its pieces, without duplicates."""
    indicators = _concat_frames([part.indicators for part in parts], INDICATORS)
    refusals = _concat_frames([part.refusals for part in parts], REFUSALS)
    if "rank" in indicators.columns:
        indicators = indicators.with_columns(pl.col("rank").min().over("value"))
    duplicates = _find_duplicates(indicators.select("kind", "value", "scope"))
    dropped = Counter({"duplicate": len(duplicates)})
    for part in parts:
        dropped.update(part.dropped_counts)
    return ParseResult(
        format=name,
        lines=sum(part.lines for part in parts),
        accepted=sum(part.accepted for part in parts),
        comments=sum(part.comments for part in parts),
        indicators=_drop_rows(indicators, duplicates),
        refusals=refusals,
        dropped_counts={reason: count for reason, count in dropped.most_common() if count},
        own_rules=_concat_frames([part.own_rules for part in parts], OWN_RULES),
    )


def _concat_frames(frames: list[pl.DataFrame], schema: pl.Schema) -> pl.DataFrame:
    return pl.concat([schema.to_frame(), *frames], how="diagonal")


def _find_duplicates(rows: pl.DataFrame) -> pl.Series:
    """Return the numbers of the rows that repeat an earlier row.

    Rows are compared by hashes first, and those with equal hashes as they are, some at a time: one
    set of all rows would need more memory than the rows themselves.
    """
    hashes = rows.hash_rows()
    ordered = hashes.sort()
    repeated = ordered.filter(ordered == ordered.shift()).unique()
    suspects = hashes.is_in(repeated.implode()).arg_true()
    share_count = len(suspects) // _ROWS_PER_SHARE + 1
    share_of = hashes.gather(suspects) % share_count
    duplicates = []
    for share in range(share_count):
        numbers = suspects.filter(share_of == share)
        is_first = rows[numbers].select(pl.struct(pl.all()).is_first_distinct()).to_series()
        duplicates.append(numbers.filter(~is_first))
    return pl.concat(duplicates)


def _drop_rows(rows: pl.DataFrame, numbers: pl.Series) -> pl.DataFrame:
    if numbers.is_empty():
        return rows
    is_dropped = pl.zeros(rows.height, pl.Boolean, eager=True).scatter(numbers, True)
    return rows.filter(~is_dropped)
