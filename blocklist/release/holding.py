"""What becomes of a release that the gate holds: it waits, and the operator's part of it does not.

A person's unblock must not hang on the state of somebody else's list.
"""

from dataclasses import dataclass, replace

import polars as pl

from blocklist.errors import GateHeld
from blocklist.judge.guards import Guards
from blocklist.ledger import candidate, listings, releases
from blocklist.ledger import votes as saved
from blocklist.ledger.book import Book
from blocklist.ledger.bulk import Bulk
from blocklist.ledger.candidate import Candidate, Objection
from blocklist.ledger.releases import Change, Release
from blocklist.model import Reason, Verdict
from blocklist.release import budgets
from blocklist.release.movers import movers, sentence
from blocklist.release.overruled import overruled
from blocklist.release.prospect import Prospect, Rehearse


@dataclass(frozen=True)
class Draft:
    """A release that is not out, and what it would follow."""

    past: Release | None
    #: Whether an earlier candidate waits.
    waits: bool
    guards: Guards
    new: Release
    change: Change


def hold(book: Book, draft: Draft, found: list[Objection], rehearse: Rehearse | None) -> GateHeld:
    """Keep the candidate, publish what the operator decided, and return what to raise."""
    stays, new, change = draft.past, draft.new, draft.change
    lines = [objection.text for objection in found]
    if stays:
        stays, change, said = _without_the_operators(book, draft, stays, found, rehearse)
        lines = list(dict.fromkeys([*lines, *said]))
        counts = releases.following(book, stays, change, new.cause)
        new = replace(counts, feeds=new.feeds, categories=new.categories)
    if change:
        candidate.keep(book, Candidate(new, tuple(found)), change)
        lines += _movers(book, draft, change)
        verb = "diff current" if stays else "show"
        lines.append(f"look at it with: blocklist release {verb} candidate")
    elif draft.waits:
        candidate.drop(book)
    held = f"release {stays.number} stays" if stays else "nothing is published yet"
    return GateHeld("the gate held the release; " + held + "\n  " + "\n  ".join(lines))


def _without_the_operators(
    book: Book,
    draft: Draft,
    past: Release,
    found: list[Objection],
    rehearse: Rehearse | None,
) -> tuple[Release, Change, list[str]]:
    """Publish what the operator decided, if its exports are sound, too.

    Return the release that is in force then, what of the change still waits, and what to say.
    """
    mine, rest = draft.change.split(_urgent(draft.change, found))
    if not mine:
        return past, rest, []
    made = _onto(book, past, mine, "your own entries")
    faults = _rehearsed(book, made, mine, rehearse) if rehearse else []
    if faults:
        return past, draft.change, [*faults, "what you decided since waits, too"]
    releases.publish(book, made, mine)
    said = f"release {made.number} is the one before with what you decided since"
    return made, rest, [*overruled(draft.guards, mine), said]


def _rehearsed(book: Book, new: Release, mine: Change, rehearse: Rehearse) -> list[str]:
    """Return what is wrong with the exports of the release in force and the operator's part."""
    with book.opened() as db:
        counted = saved.last(db)
    with Bulk(book.database) as bulk:
        before = releases.in_force(bulk)
    return rehearse(Prospect(new, releases.after(before, mine), mine, counted, before))


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


def _movers(book: Book, draft: Draft, change: Change) -> list[str]:
    if draft.past is None:
        return []
    feeds = sorted({*draft.past.feeds, *draft.new.feeds})
    with Bulk(book.database) as bulk:
        before, now = (listings.in_force(bulk, feeds, run) for run in (draft.past.basis, None))
    comes = sentence("comes", movers(change.added, now))
    return comes + sentence("goes", movers(change.removed, before))
