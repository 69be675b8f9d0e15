"""What a release would be, for those who prove its files before it is out."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from blocklist.columns.schema import RELEASE
from blocklist.ledger.releases import Release, VerdictChange, to_export_rows
from blocklist.ledger.votes import FeedWeight
from blocklist.model import Reason, Verdict

_VERDICT, _REASON = pl.col("verdict"), pl.col("reason")
_BLOCKS = Verdict.BLOCK.value == _VERDICT
_MINE = Reason.OPERATOR.value == _REASON
_OPENS = _VERDICT.is_in([Verdict.ALLOW.value, Verdict.HOLD.value]) & _MINE
_ROW = [name for name in RELEASE.names() if name != "action"]


@dataclass(frozen=True)
class Prospect:
    """A release that is not out yet."""

    release: Release
    #: All that would be in force.
    verdicts: pl.DataFrame
    #: How that differs from what is.
    change: VerdictChange
    #: How the feeds counted when it was judged.
    votes: list[FeedWeight]
    #: All that is in force, where the difference to it is small.
    before: pl.DataFrame | None = None

    def rows(self) -> pl.DataFrame:
        """Return what it would block, and what the operator's entries open (schema `RELEASE`)."""
        return carried(self.verdicts)

    def pages(self) -> pl.DataFrame:
        """Return the URLs that it would hold because DNS would block their host with them."""
        held = (Verdict.HOLD.value == _VERDICT) & (Reason.URL_ONLY.value == _REASON)
        return self.verdicts.filter(held).select(*_ROW, action=pl.lit("block", RELEASE["action"]))

    def own_blocks(self) -> pl.Series:
        """Return the values that the operator blocks."""
        return self.verdicts.filter(_BLOCKS & _MINE)["value"]

    def watched(self) -> pl.DataFrame:
        """Return `kind` and `value` of what is kept from being blocked or the operator's."""
        return self.verdicts.filter(~_BLOCKS | _MINE).select("kind", "value")

    def changed(self) -> pl.DataFrame:
        """Return `kind` and `value` of what it would change."""
        return pl.concat(
            [part.select("kind", "value") for part in (self.change.new, self.change.old)]
        )


def carried(verdicts: pl.DataFrame) -> pl.DataFrame:
    """Return what exports carry of verdicts, as `RELEASE`."""
    return to_export_rows(verdicts.filter(_BLOCKS | _OPENS))


#: Renders and proves the exports of a release that is not out yet; returns what is wrong, in words.
Rehearse = Callable[[Prospect], list[str]]
