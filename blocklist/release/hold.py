"""Hold a release: a draft and objections -> a waiting candidate and a published operator part.

Entries of the operator take effect at once, because they must not depend on the state of a feed.
"""

from dataclasses import dataclass, replace

import polars as pl

from blocklist.errors import GateHeld
from blocklist.judge.guards import Guards
from blocklist.ledger.db.bulk import BulkTransaction
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.feeds.listings import load_listings
from blocklist.ledger.feeds.weights import load_feed_weights
from blocklist.ledger.releases.candidate import (
    Candidate,
    Objection,
    discard_candidate,
    save_candidate,
)
from blocklist.ledger.releases.history import Release
from blocklist.ledger.releases.verdicts import (
    VerdictChange,
    apply_change,
    current_verdicts,
    next_release,
    publish_release,
)
from blocklist.model import Reason, Verdict
from blocklist.release.gate.budgets import select_operator_values
from blocklist.release.gate.change_report import (
    count_listing_feeds,
    describe_overruled_guards,
    format_listing_feeds,
)
from blocklist.release.proposal import ExportVerifier, ProposedRelease


@dataclass(frozen=True)
class DraftRelease:
    """A release that is not out, and what it would follow."""

    current_release: Release | None
    #: Whether an earlier candidate waits.
    has_candidate: bool
    guards: Guards
    release: Release
    change: VerdictChange


def hold_release(
    book: LedgerWriter, draft: DraftRelease, found: list[Objection], rehearse: ExportVerifier | None
) -> GateHeld:
    """Keep the candidate, publish what the operator decided, and return what to raise."""
    stays, new, change = draft.current_release, draft.release, draft.change
    lines = [objection.text for objection in found]
    if stays:
        stays, change, said = _publish_operator_part(book, draft, stays, found, rehearse)
        lines = list(dict.fromkeys([*lines, *said]))
        counts = next_release(book, stays, change, new.cause)
        new = replace(counts, feeds=new.feeds, categories=new.categories)
    if change:
        save_candidate(book, Candidate(new, tuple(found)), change)
        lines += _describe_listing_feeds(book, draft, change)
        verb = "diff current" if stays else "show"
        lines.append(f"look at it with: blocklist release {verb} candidate")
    elif draft.has_candidate:
        discard_candidate(book)
    held = f"release {stays.number} stays" if stays else "nothing is published yet"
    return GateHeld("the gate held the release; " + held + "\n  " + "\n  ".join(lines))


def _publish_operator_part(
    book: LedgerWriter,
    draft: DraftRelease,
    past: Release,
    found: list[Objection],
    rehearse: ExportVerifier | None,
) -> tuple[Release, VerdictChange, list[str]]:
    """Publish what the operator decided, if its exports are sound, too.

    Return the release that is in force then, what of the change still waits, and what to say.
    """
    mine, rest = draft.change.split_by_values(_select_urgent_values(draft.change, found))
    if not mine:
        return past, rest, []
    made = _derive_release(book, past, mine, "your own entries")
    faults = _verify_operator_part(book, made, mine, rehearse) if rehearse else []
    if faults:
        return past, draft.change, [*faults, "what you decided since waits, too"]
    publish_release(book, made, mine)
    said = f"release {made.number} is the one before with what you decided since"
    return made, rest, [*describe_overruled_guards(draft.guards, mine), said]


def _verify_operator_part(
    book: LedgerWriter, new: Release, mine: VerdictChange, rehearse: ExportVerifier
) -> list[str]:
    """Return what is wrong with the exports of the release in force and the operator's part."""
    with book.open_connection() as db:
        counted = load_feed_weights(db)
    with BulkTransaction(book.database) as bulk:
        before = current_verdicts(bulk)
    return rehearse(ProposedRelease(new, apply_change(before, mine), mine, counted))


def _select_urgent_values(change: VerdictChange, found: list[Objection]) -> pl.Series:
    """Return the values that the operator decided, about which a change is published at once.

    Without a sound guard nothing comes to be blocked by feeds, also where an allow has ended.
    """
    decided = select_operator_values(change)
    if not any(objection.final for objection in found):
        return decided
    by_feeds = (pl.col("verdict") == Verdict.BLOCK.value) & (
        pl.col("reason") != Reason.OPERATOR.value
    )
    return decided.filter(~decided.is_in(change.new.filter(by_feeds)["value"].implode()))


def _derive_release(
    book: LedgerWriter, past: Release, change: VerdictChange, cause: str
) -> Release:
    """Return the release that a part of a change makes, of the same feeds as the one before."""
    made = next_release(book, past, change, cause)
    return replace(made, feeds=past.feeds, categories=past.categories, basis=past.basis)


def _describe_listing_feeds(
    book: LedgerWriter, draft: DraftRelease, change: VerdictChange
) -> list[str]:
    if draft.current_release is None:
        return []
    feeds = sorted({*draft.current_release.feeds, *draft.release.feeds})
    with BulkTransaction(book.database) as bulk:
        before, now = (
            load_listings(bulk, feeds, run) for run in (draft.current_release.basis, None)
        )
    comes = format_listing_feeds("comes", count_listing_feeds(change.added_blocks, now))
    return comes + format_listing_feeds("goes", count_listing_feeds(change.removed_blocks, before))
