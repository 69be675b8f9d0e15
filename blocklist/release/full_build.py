"""Full build: configuration and ledger -> judged listings, gate, published difference."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import polars as pl

from blocklist.config.loader import Config
from blocklist.judge.scoring.electorate import feed_groups_from_weights
from blocklist.ledger.db.bulk import BulkTransaction
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.feeds.echoes import load_echoes
from blocklist.ledger.feeds.health import FeedHealth, load_feed_health
from blocklist.ledger.feeds.listings import load_listings
from blocklist.ledger.feeds.weights import load_feed_weights, save_feed_weights
from blocklist.ledger.operator.entries import load_judge_entries
from blocklist.ledger.releases import last_judged as looked_at
from blocklist.ledger.releases.candidate import Objection, discard_candidate
from blocklist.ledger.releases.history import Release, current_release
from blocklist.ledger.releases.last_judged import JudgedRelease
from blocklist.ledger.releases.verdicts import next_release, publish_release
from blocklist.model import Entry, FeedWeight
from blocklist.release.echo_detection import detect_echoes
from blocklist.release.feed_weights import compute_feed_weights
from blocklist.release.gate.change_report import describe_overruled_guards, expand_url_hosts
from blocklist.release.gate.gate import GateInput, find_objections
from blocklist.release.hold import DraftRelease, hold_release
from blocklist.release.inputs_digest import compute_context_digest, compute_inputs_digest
from blocklist.release.judging import JudgeResult, judge_listings
from blocklist.release.proposal import ExportVerifier, ProposedRelease
from blocklist.release.resolved_addresses import expire_resolved_addresses
from blocklist.release.result import BuildResult


@dataclass(frozen=True)
class _PriorState:
    """What the ledger knew before the build."""

    release: Release | None
    healths: dict[str, FeedHealth]
    entries: list[Entry]
    #: How the feeds count now.
    feed_weights: list[FeedWeight]
    #: The feeds that the release in force was judged by, also where they made no difference.
    judged_feeds: frozenset[str]
    #: Whether the gate holds a candidate.
    has_candidate: bool
    #: A digest of all that the judge will look at, and one of all but what is listed.
    inputs_digest: str
    context_digest: str
    #: The release in force, if nothing but what is listed can be otherwise since.
    reusable_release: Release | None


def judge_and_publish(
    config: Config,
    book: LedgerWriter,
    cause: str,
    accepted: Iterable[str] = (),
    rehearse: ExportVerifier | None = None,
) -> BuildResult:
    """Judge all that is listed and publish what changed; nothing changed is no new release.

    Raise `GateHeld` with every objection when the candidate may not be published: it is kept, and
    what the operator decided is published without it.
    """
    expire_resolved_addresses(config, book)
    detect_echoes(config, book)
    past = _load_prior_state(config, book)
    with BulkTransaction(book.database) as bulk:
        found = judge_listings(config, bulk, past.feed_weights, past.entries, past.reusable_release)
    change = found.change
    new = next_release(book, past.release, change, cause)
    if change:
        new = _describe_release(new, past, found)
    meant = (
        _find_intended_values(book, past, accepted) if change else pl.Series("value", [], pl.String)
    )
    draft = DraftRelease(past.release, past.has_candidate, found.guards, new, change)
    objections = find_objections(GateInput(config, past.healths, past.release, new, change, meant))
    if change and rehearse and not objections:
        prospect = ProposedRelease(new, found.verdicts, change, past.feed_weights)
        objections = list(map(Objection, rehearse(prospect)))
    if objections:
        raise hold_release(book, draft, objections, rehearse)
    return _publish_draft(book, past, draft)


def _publish_draft(book: LedgerWriter, past: _PriorState, draft: DraftRelease) -> BuildResult:
    """Publish what changed, and record what the judge looked at."""
    new, change = draft.release, draft.change
    save_feed_weights(book, past.feed_weights)
    if past.release and not change:
        if past.has_candidate:
            discard_candidate(book)
        built = BuildResult(past.release, is_new=False)
    else:
        publish_release(book, new, change)
        built = BuildResult(
            new, is_new=True, notes=tuple(describe_overruled_guards(draft.guards, change))
        )
    # Verdicts that stay are of what the release was made of, and so is what it listed then.
    around = past.context_digest if built.is_new or past.reusable_release else None
    looked_at.save_judged_release(
        book, JudgedRelease(built.release.number, past.inputs_digest, around)
    )
    return built


def _load_prior_state(config: Config, book: LedgerWriter) -> _PriorState:
    with book.open_database() as db:
        release, last = current_release(db.conn), looked_at.load_judged_release(db.conn)
        known = load_feed_health(db.conn)
        counted = compute_feed_weights(config, known, load_echoes(db.conn))
        feeds = set(release.feeds) if release else set()
        # An old release does not say what it was made of, and nobody knows what else was looked at.
        if feeds and release and last and last.release == release.number:
            feeds |= {vote.feed for vote in load_feed_weights(db.conn)}
        entries = list(load_judge_entries(db.conn, feed_groups_from_weights(counted).adds_evidence))
        around = compute_context_digest(config, db.conn, counted, entries)
        same = release and last and (last.release, last.context_digest) == (release.number, around)
        return _PriorState(
            release,
            known,
            entries,
            counted,
            frozenset(feeds),
            looked_at.has_candidate(db.conn),
            compute_inputs_digest(config, db.conn, counted),
            around,
            release if same else None,
        )


def _describe_release(new: Release, past: _PriorState, found: JudgeResult) -> Release:
    """Return a release with what it is made of: feeds and categories."""
    names = [vote.feed for vote in past.feed_weights if vote.feed in past.healths]
    return replace(
        new,
        feeds={
            name: {
                "state": past.healths[name].state.value,
                "entries": past.healths[name].entries,
            }
            for name in names
        },
        categories=found.categories,
    )


def _find_intended_values(
    book: LedgerWriter, past: _PriorState, accepted: Iterable[str]
) -> pl.Series:
    """Return the values of feeds that were switched on or off since, and of those accepted."""
    switched = (
        past.judged_feeds ^ {vote.feed for vote in past.feed_weights}
        if past.judged_feeds
        else set()
    )
    feeds = sorted({*switched, *accepted})
    if past.release is None or not feeds:
        return pl.Series("value", [], pl.String)
    with BulkTransaction(book.database) as bulk:
        parts = [load_listings(bulk, feeds, run) for run in (past.release.basis, None)]
    return expand_url_hosts(pl.concat(parts))["value"].unique()
