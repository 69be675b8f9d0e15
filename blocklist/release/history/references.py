"""References to releases: a number, `current` or `candidate` -> the release and its rows."""

import sqlite3
from dataclasses import dataclass

import polars as pl

from blocklist.errors import NotFoundError
from blocklist.ledger.db.transaction import Transaction
from blocklist.ledger.releases.candidate import Objection, candidate_export_rows, load_candidate
from blocklist.ledger.releases.history import Release, list_releases
from blocklist.ledger.releases.verdicts import export_rows

CURRENT = "current"
CANDIDATE = "candidate"


@dataclass(frozen=True, slots=True)
class ReleaseReference:
    """A release, or the candidate with the objections of the gate."""

    release: Release
    is_candidate: bool = False
    objections: tuple[Objection, ...] = ()

    @property
    def title(self) -> str:
        """The name of the release in a sentence."""
        return "the candidate" if self.is_candidate else f"release {self.release.number}"


def find_referenced_release(reader: sqlite3.Connection | None, name: str) -> ReleaseReference:
    """Return the release of a number, or `current` or `candidate`.

    Raise `NotFoundError` if it does not exist or was pruned.
    """
    releases = list_releases(reader) if reader else []
    if name == CANDIDATE:
        candidate = load_candidate(reader) if reader else None
        if candidate is None:
            raise NotFoundError("there is no candidate: the gate holds nothing")
        return ReleaseReference(
            candidate.release, is_candidate=True, objections=candidate.objections
        )
    if name == CURRENT:
        if not releases:
            raise NotFoundError("there is no release yet; run: blocklist run")
        return ReleaseReference(releases[0])
    for release in releases:
        if name == str(release.number):
            if release.pruned:
                raise NotFoundError(f"release {name} was pruned; see: blocklist release list")
            return ReleaseReference(release)
    raise NotFoundError(f"there is no release {name}; see: blocklist release list")


def load_referenced_rows(transaction: Transaction, reference: ReleaseReference) -> pl.DataFrame:
    """Return what a release or the candidate blocks and allows (schema `RELEASE`)."""
    return (
        candidate_export_rows(transaction)
        if reference.is_candidate
        else export_rows(transaction, reference.release.number)
    )
