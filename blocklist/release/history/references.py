"""References to releases: a number, `current` or `candidate` -> the release and its rows."""

import sqlite3
from dataclasses import dataclass

import polars as pl

from blocklist.errors import NotFoundError
from blocklist.ledger.db.bulk import BulkTransaction
from blocklist.ledger.releases.candidate import Objection, candidate_export_rows, load_candidate
from blocklist.ledger.releases.history import Release, list_releases
from blocklist.ledger.releases.verdicts import export_rows

CURRENT = "current"
CANDIDATE = "candidate"


@dataclass(frozen=True, slots=True)
class ReleaseReference:
    """A release, or the candidate with what the gate has against it."""

    release: Release
    is_candidate: bool = False
    objections: tuple[Objection, ...] = ()

    @property
    def title(self) -> str:
        """What to call it in a sentence."""
        return "the candidate" if self.is_candidate else f"release {self.release.number}"


def find_referenced_release(reader: sqlite3.Connection | None, name: str) -> ReleaseReference:
    """Return what a person calls so; raise `NotFoundError` where it is not, or is pruned."""
    past = list_releases(reader) if reader else []
    if name == CANDIDATE:
        waiting = load_candidate(reader) if reader else None
        if waiting is None:
            raise NotFoundError("there is no candidate: the gate holds nothing")
        return ReleaseReference(waiting.release, is_candidate=True, objections=waiting.objections)
    if name == CURRENT:
        if not past:
            raise NotFoundError("there is no release yet; run: blocklist run")
        return ReleaseReference(past[0])
    for release in past:
        if name == str(release.number):
            if release.pruned:
                raise NotFoundError(f"release {name} was pruned; see: blocklist release list")
            return ReleaseReference(release)
    raise NotFoundError(f"there is no release {name}; see: blocklist release list")


def load_referenced_rows(bulk: BulkTransaction, of: ReleaseReference) -> pl.DataFrame:
    """Return what a release or the candidate blocks and allows (schema `RELEASE`)."""
    return candidate_export_rows(bulk) if of.is_candidate else export_rows(bulk, of.release.number)
