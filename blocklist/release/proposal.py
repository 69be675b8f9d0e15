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
    """A release that is not out yet."""

    release: Release
    #: All that would be in force.
    verdicts: pl.DataFrame
    #: How that differs from what is.
    change: VerdictChange
    #: How the feeds counted when it was judged.
    feed_weights: list[FeedWeight]

    def export_rows(self) -> pl.DataFrame:
        """Return what it would block, and what the operator's entries open (schema `RELEASE`)."""
        return select_export_rows(self.verdicts)

    def held_urls(self) -> pl.DataFrame:
        """Return the URLs that it would hold because DNS would block their host with them."""
        held = (Verdict.HOLD.value == _VERDICT) & (Reason.URL_ONLY.value == _REASON)
        return self.verdicts.filter(held).select(
            *_ROW_COLUMNS, action=pl.lit("block", RELEASE["action"])
        )

    def operator_blocks(self) -> pl.Series:
        """Return the values that the operator blocks."""
        return self.verdicts.filter(_IS_BLOCK & _BY_OPERATOR)["value"]

    def must_verify(self) -> pl.DataFrame:
        """Return `kind` and `value` of what is kept from being blocked or the operator's."""
        return self.verdicts.filter(~_IS_BLOCK | _BY_OPERATOR).select("kind", "value")

    def values_to_change(self) -> pl.DataFrame:
        """Return `kind` and `value` of what it would change."""
        return pl.concat(
            [part.select("kind", "value") for part in (self.change.new, self.change.old)]
        )


def select_export_rows(verdicts: pl.DataFrame) -> pl.DataFrame:
    """Return what exports carry of verdicts, as `RELEASE`."""
    return to_export_rows(verdicts.filter(_IS_BLOCK | _IS_OPERATOR_EXCEPTION))


#: Renders and proves the exports of a release that is not out yet; returns what is wrong, in words.
ExportVerifier = Callable[[ProposedRelease], list[str]]
