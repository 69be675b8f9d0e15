"""Full build: configuration and ledger -> judged listings, gate, published difference."""

import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

import polars as pl

from blocklist.config.feeds import RESOLVED_FEED
from blocklist.config.loader import Config
from blocklist.judge.scoring.electorate import feed_groups_from_weights
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.feeds.echoes import load_echoes
from blocklist.ledger.feeds.health import FeedHealth, load_feed_health
from blocklist.ledger.feeds.listings import load_listings
from blocklist.ledger.feeds.weights import load_feed_weights, save_feed_weights
from blocklist.ledger.operator.entries import load_judge_entries
from blocklist.ledger.releases.candidate import Objection, discard_candidate
from blocklist.ledger.releases.history import Release, current_release
from blocklist.ledger.releases.last_judged import (
    JudgedRelease,
    has_candidate,
    load_judged_release,
    save_judged_release,
)
from blocklist.ledger.releases.verdicts import next_release, publish_release
from blocklist.model import Entry, FeedState, FeedWeight
from blocklist.release.echo_detection import detect_echoes
from blocklist.release.feed_weights import compute_feed_weights
from blocklist.release.gate.change_report import describe_overruled_guards, expand_url_hosts
from blocklist.release.gate.gate import GateInput, find_objections
from blocklist.release.hold import DraftRelease, hold_release
from blocklist.release.inputs_digest import compute_context_digest, compute_inputs_digest
from blocklist.release.judging import JudgeResult, judge_listings
from blocklist.release.proposal import ExportVerifier, ProposedRelease
from blocklist.release.publication import publish_by_job
from blocklist.release.resolved_addresses import expire_resolved_addresses
from blocklist.release.result import BuildResult, log_release

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _PriorState:
    """The state of the ledger before the build."""

    release: Release | None
    healths: dict[str, FeedHealth]
    entries: list[Entry]
    #: The current weights of the feeds.
    feed_weights: list[FeedWeight]
    #: The feeds that the current release was judged by, also those without any effect, but not
    #: those that had no good snapshot until then.
    judged_feeds: frozenset[str]
    #: Whether the gate holds a candidate.
    has_candidate: bool
    #: Digests of all inputs of the judge, and of all inputs except listings.
    inputs_digest: str
    context_digest: str
    #: The current release, if only listings can have changed since.
    reusable_release: Release | None

    @property
    def read_weights(self) -> list[FeedWeight]:
        """The weights of the feeds that had a good snapshot, and of the program's own feed."""
        return [weight for weight in self.feed_weights if self._was_read(weight.feed)]

    def _was_read(self, feed: str) -> bool:
        health = self.healths.get(feed)
        return feed == RESOLVED_FEED.name or (health is not None and bool(health.accepted_at))


def judge_and_publish(
    config: Config,
    writer: LedgerWriter,
    cause: str,
    accepted_feeds: Collection[str] = (),
    verify_exports: ExportVerifier | None = None,
) -> BuildResult:
    """Judge all listings and publish the changes; without changes there is no new release.

    Raise `GateHeld` with every objection if the candidate may not be published; it is stored, and
    the operator's own changes are published without it. If a decision is published meanwhile, the
    work begins again.
    """
    expire_resolved_addresses(config, writer)
    detect_echoes(config, writer)
    return publish_by_job(
        writer, cause, lambda: _judge_once(config, writer, cause, accepted_feeds, verify_exports)
    )


def _judge_once(
    config: Config,
    writer: LedgerWriter,
    cause: str,
    accepted_feeds: Collection[str],
    verify_exports: ExportVerifier | None,
) -> BuildResult:
    prior = _load_prior_state(config, writer)
    with read_transaction(writer.database) as transaction:
        result = judge_listings(
            config, transaction, prior.feed_weights, prior.entries, prior.reusable_release
        )
    change = result.change
    new = next_release(writer, prior.release, change, cause)
    if change:
        new = _describe_release(new, prior, result)
    intended_values = (
        _find_intended_values(writer, prior, accepted_feeds)
        if change
        else pl.Series("value", [], pl.String)
    )
    draft = DraftRelease(prior.release, prior.has_candidate, result.guards, new, change)
    objections = find_objections(
        GateInput(config, prior.healths, prior.release, new, change, intended_values)
    )
    if change and verify_exports and not objections:
        proposed = ProposedRelease(new, result.verdicts, change, prior.read_weights)
        objections = list(map(Objection, verify_exports(proposed)))
    if objections:
        raise hold_release(writer, draft, objections, verify_exports)
    return _publish_draft(writer, prior, draft)


def _publish_draft(writer: LedgerWriter, prior: _PriorState, draft: DraftRelease) -> BuildResult:
    """Publish the changes, and record the inputs of the judge."""
    new, change = draft.release, draft.change
    if prior.release and not change:
        if prior.has_candidate:
            discard_candidate(writer)
        logger.info("release %d: unchanged, no verdict differs", prior.release.number)
        result = BuildResult(prior.release, is_new=False)
    else:
        publish_release(writer, new, change)
        log_release(new, "published")
        result = BuildResult(
            new, is_new=True, notes=tuple(describe_overruled_guards(draft.guards, change))
        )
    save_feed_weights(writer, prior.read_weights)
    # Unchanged verdicts were made in the context of the release; after a partial judging that is
    # still the same context.
    context_digest = prior.context_digest if result.is_new or prior.reusable_release else None
    save_judged_release(
        writer, JudgedRelease(result.release.number, prior.inputs_digest, context_digest)
    )
    return result


def _list_read_feeds(release: Release) -> set[str]:
    """Return the feeds of a release, without those that had no good snapshot until then."""
    return {
        name
        for name, status in release.feeds.items()
        if status["entries"] or FeedState(str(status["state"])).is_good
    }


def _load_prior_state(config: Config, writer: LedgerWriter) -> _PriorState:
    with read_transaction(writer.database) as transaction:
        reader = transaction.connection
        release, judged = current_release(reader), load_judged_release(reader)
        healths = load_feed_health(reader)
        weights = compute_feed_weights(config, healths, load_echoes(reader))
        feeds = _list_read_feeds(release) if release else set()
        # The stored weights complete the feeds of the release they belong to; for any other
        # release, further feeds are unknown.
        if feeds and release and judged and judged.release == release.number:
            feeds |= {weight.feed for weight in load_feed_weights(reader)}
        entries = list(load_judge_entries(reader, feed_groups_from_weights(weights).adds_evidence))
        context_digest = compute_context_digest(config, reader, weights, entries)
        is_same_context = (
            release
            and judged
            and (judged.release, judged.context_digest) == (release.number, context_digest)
        )
        return _PriorState(
            release,
            healths,
            entries,
            weights,
            frozenset(feeds),
            has_candidate(reader),
            compute_inputs_digest(config, reader, weights),
            context_digest,
            release if is_same_context else None,
        )


def _describe_release(new: Release, prior: _PriorState, result: JudgeResult) -> Release:
    """Return a release with the feeds and categories that it is made of."""
    names = [weight.feed for weight in prior.feed_weights if weight.feed in prior.healths]
    return replace(
        new,
        feeds={
            name: {
                "state": prior.healths[name].state.value,
                "entries": prior.healths[name].entries,
            }
            for name in names
        },
        categories=result.categories,
    )


def _find_intended_values(
    writer: LedgerWriter, prior: _PriorState, accepted_feeds: Iterable[str]
) -> pl.Series:
    """Return the values of feeds that were enabled, disabled or accepted since.

    A feed that never had a good snapshot was never judged, so it counts as just enabled.
    """
    switched = (
        prior.judged_feeds ^ {weight.feed for weight in prior.feed_weights}
        if prior.judged_feeds
        else set()
    )
    feeds = sorted({*switched, *accepted_feeds})
    if prior.release is None or not feeds:
        return pl.Series("value", [], pl.String)
    with read_transaction(writer.database) as transaction:
        parts = [load_listings(transaction, feeds, run) for run in (prior.release.basis, None)]
    return expand_url_hosts(pl.concat(parts))["value"].unique()
