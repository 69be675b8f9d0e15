"""A proposed release: what it would publish, for the verification of its exports."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from blocklist.frames.schemas import RELEASE
from blocklist.ledger.releases.history import Release
from blocklist.ledger.releases.verdicts import VerdictChange, to_export_rows
from blocklist.model import FeedWeight, Reason, Verdict

_VERDICT, _REASON = pl.col("verdict"), pl.col("reason")
_IS_BLOCK = Verdict.BLOCK.value == _VERDICT
_BY_OPERATOR = Reason.OPERATOR.value == _REASON
_IS_OPERATOR_EXCEPTION = _VERDICT.is_in([Verdict.ALLOW.value, Verdict.HOLD.value]) & _BY_OPERATOR
_ROW_COLUMNS = [name for name in RELEASE.names() if name != "action"]


@dataclass(frozen=True)
class ProposedRelease:
    """A release before its publication."""

    release: Release
    #: All verdicts of the release.
    verdicts: pl.DataFrame
    #: The difference to the current release.
    change: VerdictChange
    #: The feed weights that it was judged with.
    feed_weights: list[FeedWeight]

    def export_rows(self) -> pl.DataFrame:
        """Return the rows of exports: blocks and the operator's exceptions (schema `RELEASE`)."""
        return select_export_rows(self.verdicts)

    def held_urls(self) -> pl.DataFrame:
        """Return the URLs held because DNS can block only their whole host (schema `RELEASE`)."""
        held = (Verdict.HOLD.value == _VERDICT) & (Reason.URL_ONLY.value == _REASON)
        return self.verdicts.filter(held).select(
            *_ROW_COLUMNS, action=pl.lit("block", RELEASE["action"])
        )

    def operator_blocks(self) -> pl.Series:
        """Return the values that the operator blocks."""
        return self.verdicts.filter(_IS_BLOCK & _BY_OPERATOR)["value"]

    def must_verify(self) -> pl.DataFrame:
        """Return `kind` and `value` of unblocked values and of the operator's entries."""
        return self.verdicts.filter(~_IS_BLOCK | _BY_OPERATOR).select("kind", "value")

    def values_to_change(self) -> pl.DataFrame:
        """Return `kind` and `value` of the values that the release changes."""
        return pl.concat(
            [part.select("kind", "value") for part in (self.change.new, self.change.old)]
        )


def select_export_rows(verdicts: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of verdicts that exports contain (schema `RELEASE`)."""
    return to_export_rows(verdicts.filter(_IS_BLOCK | _IS_OPERATOR_EXCEPTION))


#: Render and verify the exports of a proposed release; return the faults as sentences.
ExportVerifier = Callable[[ProposedRelease], list[str]]
