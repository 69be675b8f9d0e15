"""Judge what is listed now, pass the gate, publish the difference."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import polars as pl

from blocklist.config import Config
from blocklist.errors import GateHeld
from blocklist.judge import guards
from blocklist.judge.agreement import of_votes
from blocklist.judge.judge import Case, judge
from blocklist.ledger import candidate, echoes, history, listings, operator, releases
from blocklist.ledger import judged as looked_at
from blocklist.ledger import votes as saved
from blocklist.ledger.book import Book
from blocklist.ledger.bulk import Bulk
from blocklist.ledger.candidate import Candidate, Objection
from blocklist.ledger.health import FeedHealth, healths
from blocklist.ledger.judged import Judged
from blocklist.ledger.releases import Change, Release
from blocklist.ledger.votes import Vote
from blocklist.model import Entry, Reason, Verdict
from blocklist.queries import parse_query
from blocklist.release import budgets, derived, gate, unchanged
from blocklist.release.build import Built
from blocklist.release.echoes import look
from blocklist.release.guarding import guard_listings
from blocklist.release.movers import movers, sentence, spoken
from blocklist.release.overruled import overruled
from blocklist.release.votes import votes


@dataclass(frozen=True)
class _Past:
    """What the ledger knew before the build."""

    release: Release | None
    healths: dict[str, FeedHealth]
    entries: list[Entry]
    candidate: Candidate | None


def anew(config: Config, book: Book, cause: str, accepted: Iterable[str]) -> Built:
    """Judge all that is listed and publish what changed; nothing changed is no new release.

    Raise `GateHeld` with every objection when the candidate may not be published: it is kept, and
    what the operator decided is published without it.
    """
    derived.expire(config, book)
    look(config, book)
    with book.small() as db:
        known = healths(db.conn)
        counted = votes(config, known, echoes.known(db.conn))
        past = _Past(
            history.current(db.conn),
            known,
            list(operator.as_judged(db.conn, of_votes(counted).adds)),
            candidate.waiting(db.conn),
        )
        seen = unchanged.digest(config, db.conn, counted)
    with Bulk(book.database) as bulk:
        case = _case(config, past.entries, counted, bulk)
        before = releases.in_force(bulk)
    judged = judge(case)
    change = releases.changes(before, judged)
    new = releases.following(book, past.release, change, cause)
    if change:
        new = _described(new, config, past, case, judged)
    meant = _meant(book, past.release, case, accepted) if change else judged["value"].clear()
    found = gate.objections(gate.Case(config, past.healths, past.release, new, change, meant))
    if found:
        raise _held(book, past, case, new, change, found)
    saved.save(book, counted)
    if past.release and not change:
        if past.candidate:
            candidate.drop(book)
        built = Built(past.release, fresh=False)
    else:
        releases.publish(book, new, change)
        built = Built(new, fresh=True, notes=tuple(overruled(case.guards, change)))
    looked_at.save(book, Judged(built.release.number, seen))
    return built


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


def _meant(book: Book, past: Release | None, case: Case, accepted: Iterable[str]) -> pl.Series:
    """Return the values of feeds that were switched on or off since, and of those accepted."""
    before = set(past.feeds) if past else set()
    # An old release does not say what it was made of.
    switched = before ^ case.reliability.keys() if before else set()
    feeds = sorted({*switched, *accepted})
    if past is None or not feeds:
        return pl.Series("value", [], pl.String)
    with Bulk(book.database) as bulk:
        parts = [listings.in_force(bulk, feeds, run) for run in (past.basis, None)]
    return spoken(pl.concat(parts))["value"].unique()


def _held(
    book: Book,
    past: _Past,
    case: Case,
    new: Release,
    change: Change,
    found: list[Objection],
) -> GateHeld:
    """Keep the candidate, publish what the operator decided, and return what to raise."""
    stays, lines = past.release, [objection.text for objection in found]
    if stays:
        mine, change = change.split(_urgent(change, found))
        if mine:
            stays = _onto(book, stays, mine, "your own entries")
            releases.publish(book, stays, mine)
            lines += overruled(case.guards, mine)
            lines.append(f"release {stays.number} is the one before with what you decided since")
        counts = releases.following(book, stays, change, new.cause)
        new = replace(counts, feeds=new.feeds, categories=new.categories)
    if change:
        candidate.keep(book, Candidate(new, tuple(found)), change)
        lines += _movers(book, past.release, case, change)
        verb = "diff current" if stays else "show"
        lines.append(f"look at it with: blocklist release {verb} candidate")
    elif past.candidate:
        candidate.drop(book)
    held = f"release {stays.number} stays" if stays else "nothing is published yet"
    return GateHeld("the gate held the release; " + held + "\n  " + "\n  ".join(lines))


def _urgent(change: Change, found: list[Objection]) -> pl.Series:
    """Return the values that the operator decided, about which a change is published at once.

    Without a sound guard nothing comes to be blocked by feeds, also where an allow has ended.
    """
    decided = budgets.decided(change)
    if not any(objection.final for objection in found):
        return decided
    by_feeds = (pl.col("verdict") == Verdict.BLOCK.value) & (
        pl.col("reason") != Reason.OPERATOR.value
    )
    return decided.filter(~decided.is_in(change.new.filter(by_feeds)["value"].implode()))


def _onto(book: Book, past: Release, change: Change, cause: str) -> Release:
    """Return the release that a part of a change makes, of the same feeds as the one before."""
    made = releases.following(book, past, change, cause)
    return replace(made, feeds=past.feeds, categories=past.categories, basis=past.basis)


def _movers(book: Book, past: Release | None, case: Case, change: Change) -> list[str]:
    said = sentence("comes", movers(change.added, case.listings))
    if past is None:
        return []
    with Bulk(book.database) as bulk:
        before = listings.in_force(bulk, sorted({*past.feeds, *case.reliability}), past.basis)
    return said + sentence("goes", movers(change.removed, before))
