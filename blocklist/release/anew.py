"""Judge what is listed now, pass the gate, publish the difference."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import polars as pl

from blocklist.config import Config
from blocklist.judge.agreement import of_votes
from blocklist.ledger import candidate, echoes, history, listings, operator, releases
from blocklist.ledger import judged as looked_at
from blocklist.ledger import votes as saved
from blocklist.ledger.book import LedgerWriter
from blocklist.ledger.bulk import BulkTransaction
from blocklist.ledger.candidate import Objection
from blocklist.ledger.health import FeedHealth, load_feed_health
from blocklist.ledger.judged import JudgedRelease
from blocklist.ledger.releases import Release
from blocklist.ledger.votes import FeedWeight
from blocklist.model import Entry
from blocklist.release import derived, gate, unchanged
from blocklist.release.build import Built
from blocklist.release.echoes import look
from blocklist.release.holding import Draft, hold
from blocklist.release.movers import spoken
from blocklist.release.overruled import overruled
from blocklist.release.prospect import Prospect, Rehearse
from blocklist.release.sitting import Sitting, sit
from blocklist.release.votes import votes


@dataclass(frozen=True)
class _Past:
    """What the ledger knew before the build."""

    release: Release | None
    healths: dict[str, FeedHealth]
    entries: list[Entry]
    #: How the feeds count now.
    votes: list[FeedWeight]
    #: The feeds that the release in force was judged by, also where they made no difference.
    feeds: frozenset[str]
    #: Whether the gate holds a candidate.
    waits: bool
    #: A digest of all that the judge will look at, and one of all but what is listed.
    digest: str
    around: str
    #: The release in force, if nothing but what is listed can be otherwise since.
    alike: Release | None


def anew(
    config: Config,
    book: LedgerWriter,
    cause: str,
    accepted: Iterable[str] = (),
    rehearse: Rehearse | None = None,
) -> Built:
    """Judge all that is listed and publish what changed; nothing changed is no new release.

    Raise `GateHeld` with every objection when the candidate may not be published: it is kept, and
    what the operator decided is published without it.
    """
    derived.expire(config, book)
    look(config, book)
    past = _past(config, book)
    with BulkTransaction(book.database) as bulk:
        found = sit(config, bulk, past.votes, past.entries, past.alike)
    change = found.change
    new = releases.next_release(book, past.release, change, cause)
    if change:
        new = _described(new, past, found)
    meant = _meant(book, past, accepted) if change else pl.Series("value", [], pl.String)
    draft = Draft(past.release, past.waits, found.guards, new, change)
    objections = gate.objections(gate.Case(config, past.healths, past.release, new, change, meant))
    if change and rehearse and not objections:
        prospect = Prospect(new, found.verdicts, change, past.votes, found.before)
        objections = list(map(Objection, rehearse(prospect)))
    if objections:
        raise hold(book, draft, objections, rehearse)
    return _published(book, past, draft)


def _published(book: LedgerWriter, past: _Past, draft: Draft) -> Built:
    """Publish what changed, and record what the judge looked at."""
    new, change = draft.new, draft.change
    saved.save_feed_weights(book, past.votes)
    if past.release and not change:
        if past.waits:
            candidate.discard_candidate(book)
        built = Built(past.release, fresh=False)
    else:
        releases.publish_release(book, new, change)
        built = Built(new, fresh=True, notes=tuple(overruled(draft.guards, change)))
    # Verdicts that stay are of what the release was made of, and so is what it listed then.
    around = past.around if built.fresh or past.alike else None
    looked_at.save_judged_release(book, JudgedRelease(built.release.number, past.digest, around))
    return built


def _past(config: Config, book: LedgerWriter) -> _Past:
    with book.open_database() as db:
        release, last = history.current_release(db.conn), looked_at.load_judged_release(db.conn)
        known = load_feed_health(db.conn)
        counted = votes(config, known, echoes.load_echoes(db.conn))
        feeds = set(release.feeds) if release else set()
        # An old release does not say what it was made of, and nobody knows what else was looked at.
        if feeds and release and last and last.release == release.number:
            feeds |= {vote.feed for vote in saved.load_feed_weights(db.conn)}
        entries = list(operator.load_judge_entries(db.conn, of_votes(counted).adds))
        around = unchanged.around(config, db.conn, counted, entries)
        same = release and last and (last.release, last.context_digest) == (release.number, around)
        return _Past(
            release,
            known,
            entries,
            counted,
            frozenset(feeds),
            looked_at.has_candidate(db.conn),
            unchanged.digest(config, db.conn, counted),
            around,
            release if same else None,
        )


def _described(new: Release, past: _Past, found: Sitting) -> Release:
    """Return a release with what it is made of: feeds and categories."""
    names = [vote.feed for vote in past.votes if vote.feed in past.healths]
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


def _meant(book: LedgerWriter, past: _Past, accepted: Iterable[str]) -> pl.Series:
    """Return the values of feeds that were switched on or off since, and of those accepted."""
    switched = past.feeds ^ {vote.feed for vote in past.votes} if past.feeds else set()
    feeds = sorted({*switched, *accepted})
    if past.release is None or not feeds:
        return pl.Series("value", [], pl.String)
    with BulkTransaction(book.database) as bulk:
        parts = [listings.load_listings(bulk, feeds, run) for run in (past.release.basis, None)]
    return spoken(pl.concat(parts))["value"].unique()
