"""Hold a release: a draft and objections -> a waiting candidate and a published operator part.

Entries of the operator take effect at once, because they must not depend on the state of a feed.
"""

import logging
from dataclasses import dataclass, replace

import polars as pl

from blocklist.errors import GateHeld
from blocklist.judge.guards import Guards
from blocklist.ledger.db.transaction import read_transaction
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
from blocklist.release.result import log_release

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class DraftRelease:
    """A release before its publication, and the current release."""

    current_release: Release | None
    #: Whether an earlier candidate is held.
    has_candidate: bool
    guards: Guards
    release: Release
    change: VerdictChange


def hold_release(
    writer: LedgerWriter,
    draft: DraftRelease,
    objections: list[Objection],
    verify_exports: ExportVerifier | None,
) -> GateHeld:
    """Store the candidate, publish the operator's own changes, and return the error to raise."""
    current, new, change = draft.current_release, draft.release, draft.change
    lines = [objection.text for objection in objections]
    logger.info("release held by %d objections: %s", len(lines), "; ".join(lines))
    if current:
        current, change, notes = _publish_operator_part(
            writer, draft, current, objections, verify_exports
        )
        lines = list(dict.fromkeys([*lines, *notes]))
        counts = next_release(writer, current, change, new.cause)
        new = replace(counts, feeds=new.feeds, categories=new.categories)
    if change:
        save_candidate(writer, Candidate(new, tuple(objections)), change)
        log_release(new, "kept as the candidate")
        lines += _describe_listing_feeds(writer, draft, change)
        verb = "diff current" if current else "show"
        lines.append(f"to see it: blocklist release {verb} candidate")
        lines.append(_describe_remedy(objections))
    elif draft.has_candidate:
        discard_candidate(writer)
    status = f"release {current.number} stays in force" if current else "nothing is published yet"
    return GateHeld("\n  ".join([f"the gate held the release, and {status}", *lines]))


def _describe_remedy(objections: list[Objection]) -> str:
    if any(objection.final for objection in objections):
        return "it cannot be accepted; repair the guard, then: blocklist run"
    return 'to publish it all the same: blocklist release accept --reason "..."'


def _publish_operator_part(
    writer: LedgerWriter,
    draft: DraftRelease,
    current: Release,
    objections: list[Objection],
    verify_exports: ExportVerifier | None,
) -> tuple[Release, VerdictChange, list[str]]:
    """Publish the operator's own changes, unless their exports have faults.

    Return the release that is current then, the change that is still held, and notes for a person.
    """
    operator_part, rest = draft.change.split_by_values(
        select_urgent_values(draft.change, objections)
    )
    if not operator_part:
        return current, rest, []
    new = derive_release(writer, current, operator_part, "your own entries")
    faults = (
        verify_operator_part(writer, new, operator_part, verify_exports) if verify_exports else []
    )
    if faults:
        logger.info("the operator's changes are held, too: %s", "; ".join(faults))
        return current, draft.change, [*faults, "your own entries are held, too"]
    publish_release(writer, new, operator_part)
    log_release(new, "published with the operator's changes alone")
    note = f"release {new.number} is the previous one with your own entries"
    return new, rest, [*describe_overruled_guards(draft.guards, operator_part), note]


def verify_operator_part(
    writer: LedgerWriter, new: Release, operator_part: VerdictChange, verify_exports: ExportVerifier
) -> list[str]:
    """Return the faults of the exports of the current release with the operator's changes."""
    with read_transaction(writer.database) as transaction:
        weights = load_feed_weights(transaction.connection)
        old_verdicts = current_verdicts(transaction)
    return verify_exports(
        ProposedRelease(new, apply_change(old_verdicts, operator_part), operator_part, weights)
    )


def select_urgent_values(change: VerdictChange, objections: list[Objection]) -> pl.Series:
    """Return the values that the operator decided, whose changes are published at once.

    Without a healthy guard no value may become blocked by feeds, not even after an allow expired.
    """
    operator_values = select_operator_values(change)
    if not any(objection.final for objection in objections):
        return operator_values
    is_feed_block = (pl.col("verdict") == Verdict.BLOCK.value) & (
        pl.col("reason") != Reason.OPERATOR.value
    )
    return operator_values.filter(
        ~operator_values.is_in(change.new.filter(is_feed_block)["value"].implode())
    )


def derive_release(
    writer: LedgerWriter, current: Release, change: VerdictChange, cause: str
) -> Release:
    """Return the release that a part of a change makes, of the same feeds as the current one."""
    new = next_release(writer, current, change, cause)
    return replace(new, feeds=current.feeds, categories=current.categories, basis=current.basis)


def _describe_listing_feeds(
    writer: LedgerWriter, draft: DraftRelease, change: VerdictChange
) -> list[str]:
    if draft.current_release is None:
        return []
    feeds = sorted({*draft.current_release.feeds, *draft.release.feeds})
    with read_transaction(writer.database) as transaction:
        old_listings, listings = (
            load_listings(transaction, feeds, run) for run in (draft.current_release.basis, None)
        )
    lines = format_listing_feeds("new blocks", count_listing_feeds(change.added_blocks, listings))
    return lines + format_listing_feeds(
        "removed blocks", count_listing_feeds(change.removed_blocks, old_listings)
    )
