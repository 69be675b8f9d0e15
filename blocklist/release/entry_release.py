"""Publish entries alone: pending entries and the current release -> a release with only them new.

Feeds are left out of it: what they list is taken as of the current release, and no other verdict is
judged again. So a decision takes effect in seconds, whatever feeds, the gate or a pin do.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import polars as pl

from blocklist.config.loader import Config
from blocklist.errors import GateHeld, NotFoundError
from blocklist.frames.schemas import LISTINGS
from blocklist.judge.guards import Guards
from blocklist.judge.judge import decide_verdicts
from blocklist.judge.scoring.electorate import feed_groups_from_weights
from blocklist.ledger.db.transaction import Transaction, read_transaction
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.feeds.exempting import load_exempting
from blocklist.ledger.feeds.health import load_feed_health
from blocklist.ledger.feeds.weights import load_feed_weights
from blocklist.ledger.operator.entries import load_judge_entries
from blocklist.ledger.operator.pending import entries_in_force, find_pending_changes
from blocklist.ledger.releases.candidate import Objection, rebase_candidate
from blocklist.ledger.releases.history import Release, current_release
from blocklist.ledger.releases.pins import Pin, find_release_pin
from blocklist.ledger.releases.verdicts import VerdictChange, diff_verdicts, publish_release
from blocklist.release.affected_values import AffectedValues
from blocklist.release.gate.change_report import describe_overruled_guards
from blocklist.release.gate.guard_health import find_guard_faults
from blocklist.release.hold import derive_release, select_urgent_values, verify_operator_part
from blocklist.release.judging import load_guard_lists, make_judge_input
from blocklist.release.proposal import ExportVerifier
from blocklist.release.publication import publish_by_job
from blocklist.release.result import BuildResult, log_release

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _EntryPart:
    """The part of a release that entries decide."""

    current: Release
    pin: Pin | None
    guards: Guards | None
    change: VerdictChange


def publish_entries(
    config: Config,
    writer: LedgerWriter,
    cause: str,
    verify_exports: ExportVerifier | None = None,
) -> BuildResult:
    """Publish the pending entries over the current release, also over a pin; for a job.

    A value that feeds list is blocked again after its allow only if no mandatory guard has a fault.
    Raise `NotFoundError` if there is no release yet, and `GateHeld` if an export of the release
    would have faults.
    """
    return publish_by_job(
        writer, cause, lambda: publish_entries_once(config, writer, cause, verify_exports)
    )


def publish_entries_once(
    config: Config,
    writer: LedgerWriter,
    cause: str,
    verify_exports: ExportVerifier | None = None,
) -> BuildResult:
    """Publish the pending entries; raise `StaleRelease` if the current release changed."""
    with read_transaction(writer.database) as transaction:
        part = _judge_entries(config, transaction)
    current, change = part.current, part.change
    if not change:
        logger.info("release %d: no entry changes it", current.number)
        return BuildResult(current, is_new=False, pin=part.pin)
    new = derive_release(writer, current, change, cause)
    faults = (
        verify_operator_part(writer, new, change, verify_exports)
        if verify_exports and config.exports
        else []
    )
    if faults:
        lines = [
            f"the gate held your own entries, and release {current.number} stays in force",
            *faults,
        ]
        raise GateHeld("\n  ".join(lines))
    values = pl.concat([change.new["value"], change.old["value"]]).unique()
    settle = partial(rebase_candidate, new=new, values=values)
    publish_release(writer, new, change, through_pin=True, settle_candidate=settle)
    log_release(new, "published with the operator's changes alone")
    notes = tuple(describe_overruled_guards(part.guards, change)) if part.guards else ()
    return BuildResult(new, is_new=True, notes=notes, pin=part.pin)


def _judge_entries(config: Config, transaction: Transaction) -> _EntryPart:
    """Judge the values that pending entries decide, on the listings of the current release."""
    reader = transaction.connection
    current, pin = current_release(reader), find_release_pin(reader)
    if current is None:
        raise NotFoundError("there is no release yet; run: blocklist run")
    pending = find_pending_changes(reader)
    if not pending:
        nothing = pl.DataFrame(schema=LISTINGS).select("value").clear()
        return _EntryPart(current, pin, None, VerdictChange(nothing, nothing))
    weights = load_feed_weights(reader)
    adds_evidence = feed_groups_from_weights(weights).adds_evidence
    entries = entries_in_force(reader, load_judge_entries(reader, adds_evidence))
    affected = AffectedValues((change.kind, change.value) for change in pending)
    judge_input = make_judge_input(
        config,
        affected.load_listings(transaction, [weight.feed for weight in weights], current.basis),
        load_guard_lists(config, transaction),
        weights,
        entries,
        load_exempting(reader),
    )
    change = diff_verdicts(
        affected.load_verdicts(transaction), affected.filter_rows(decide_verdicts(judge_input))
    )
    faults = find_guard_faults(config, load_feed_health(reader))
    urgent = select_urgent_values(change, _to_objections(faults))
    return _EntryPart(current, pin, judge_input.guards, change.split_by_values(urgent)[0])


def _to_objections(faults: Iterable[str]) -> list[Objection]:
    return [Objection(fault, final=True) for fault in faults]
