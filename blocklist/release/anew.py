"""Judge what is listed now, pass the gate, publish the difference."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import polars as pl

from blocklist.config import Config
from blocklist.judge import guards
from blocklist.judge.agreement import of_votes
from blocklist.judge.judge import Case, judge
from blocklist.ledger import candidate, echoes, history, listings, operator, releases
from blocklist.ledger import judged as looked_at
from blocklist.ledger import votes as saved
from blocklist.ledger.book import Book
from blocklist.ledger.bulk import Bulk
from blocklist.ledger.candidate import Objection
from blocklist.ledger.health import FeedHealth, healths
from blocklist.ledger.judged import Judged
from blocklist.ledger.releases import Change, Release
from blocklist.ledger.votes import Vote
from blocklist.model import Entry
from blocklist.queries import parse_query
from blocklist.release import budgets, derived, gate, unchanged
from blocklist.release.build import Built
from blocklist.release.echoes import look
from blocklist.release.guarding import guard_listings
from blocklist.release.holding import Draft, hold
from blocklist.release.movers import spoken
from blocklist.release.overruled import overruled
from blocklist.release.prospect import Prospect, Rehearse
from blocklist.release.votes import votes


@dataclass(frozen=True)
class _Past:
    """What the ledger knew before the build."""

    release: Release | None
    healths: dict[str, FeedHealth]
    entries: list[Entry]
    #: How the feeds count now.
    votes: list[Vote]
    #: The feeds that the release in force was judged by, also where they made no difference.
    feeds: frozenset[str]
    #: Whether the gate holds a candidate.
    waits: bool
    #: A digest of all that the judge will look at.
    digest: str


def anew(
    config: Config,
    book: Book,
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
    case, change, judged = _judged(config, book, past)
    new = releases.following(book, past.release, change, cause)
    if change:
        new = _described(new, config, past, case, judged)
    meant = _meant(book, past, case, accepted) if change else judged["value"].clear()
    draft = Draft(past.release, past.waits, case.guards, new, change)
    del case  # its listings are large, and exports are rendered beside them
    found = gate.objections(gate.Case(config, past.healths, past.release, new, change, meant))
    if change and rehearse and not found:
        prospect = Prospect(new, judged.select(releases.ROW.names()), change, past.votes)
        found = list(map(Objection, rehearse(prospect)))
    if found:
        raise hold(book, draft, found, rehearse)
    return _published(book, past, draft)


def _published(book: Book, past: _Past, draft: Draft) -> Built:
    """Publish what changed, and record what the judge looked at."""
    new, change = draft.new, draft.change
    saved.save(book, past.votes)
    if past.release and not change:
        if past.waits:
            candidate.drop(book)
        built = Built(past.release, fresh=False)
    else:
        releases.publish(book, new, change)
        built = Built(new, fresh=True, notes=tuple(overruled(draft.guards, change)))
    looked_at.save(book, Judged(built.release.number, past.digest))
    return built


def _past(config: Config, book: Book) -> _Past:
    with book.small() as db:
        release, last = history.current(db.conn), looked_at.last(db.conn)
        known = healths(db.conn)
        counted = votes(config, known, echoes.known(db.conn))
        feeds = set(release.feeds) if release else set()
        # An old release does not say what it was made of, and nobody knows what else was looked at.
        if feeds and release and last and last.release == release.number:
            feeds |= {vote.feed for vote in saved.last(db.conn)}
        return _Past(
            release,
            known,
            list(operator.as_judged(db.conn, of_votes(counted).adds)),
            counted,
            frozenset(feeds),
            looked_at.waits(db.conn),
            unchanged.digest(config, db.conn, counted),
        )


def _judged(config: Config, book: Book, past: _Past) -> tuple[Case, Change, pl.DataFrame]:
    """Return what the judge looks at, what it changes, and all its verdicts."""
    with Bulk(book.database) as bulk:
        case = _case(config, past.entries, past.votes, bulk)
    judged = judge(case)
    with Bulk(book.database) as bulk:  # only now, for the judge needs the room
        before = releases.in_force(bulk)
    return case, releases.changes(before, judged), judged


def _case(config: Config, entries: list[Entry], counted: list[Vote], bulk: Bulk) -> Case:
    own = tuple((query.kind, query.value) for query in map(parse_query, config.policy.own))
    return Case(
        listings=listings.in_force(bulk, [vote.feed for vote in counted]),
        reliability={vote.feed: vote.reliability for vote in counted},
        lineage={vote.feed: vote.lineage for vote in counted},
        guards=guards.load(own, guard_listings(config, bulk)),
        entries=entries,
        widen=config.policy.widen,
        threshold=config.policy.threshold,
    )


def _described(
    new: Release, config: Config, past: _Past, case: Case, judged: pl.DataFrame
) -> Release:
    """Return a release with what it is made of: feeds and categories."""
    known = {name: past.healths[name] for name in case.reliability if name in past.healths}
    feeds = config.voices
    categories = {name: feeds[name].category.value for name in case.reliability}
    return replace(
        new,
        feeds={
            name: {"state": health.state.value, "entries": health.entries}
            for name, health in known.items()
        },
        categories=budgets.by_category(case.listings, judged, categories),
    )


def _meant(book: Book, past: _Past, case: Case, accepted: Iterable[str]) -> pl.Series:
    """Return the values of feeds that were switched on or off since, and of those accepted."""
    switched = past.feeds ^ case.reliability.keys() if past.feeds else set()
    feeds = sorted({*switched, *accepted})
    if past.release is None or not feeds:
        return pl.Series("value", [], pl.String)
    with Bulk(book.database) as bulk:
        parts = [listings.in_force(bulk, feeds, run) for run in (past.release.basis, None)]
    return spoken(pl.concat(parts))["value"].unique()
