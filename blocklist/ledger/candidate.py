"""The candidate: a release that the gate held, kept as its difference to the one in force.

There is at most one, and it never outlives the release that it is a difference to: whatever is
published or built takes its place.
"""

import json
import sqlite3
from dataclasses import dataclass

import polars as pl

from blocklist.ledger import releases
from blocklist.ledger.book import Book
from blocklist.ledger.bulk import Bulk
from blocklist.ledger.connection import HISTORY, version
from blocklist.ledger.releases import IN_FORCE, ROW, Change, Release

_COLUMNS = (
    "number", "run_id", "created", "cause", "blocked", "held", "added", "removed", "basis",
    "feeds", "categories",
)  # fmt: skip
_TOUCHED = pl.Schema({name: ROW[name] for name in ("value", "scope")})


@dataclass(frozen=True, slots=True)
class Objection:
    """Why the gate held a candidate, in words for a person.

    `final` is one that nobody can accept: the guards were not there to judge it by.
    """

    text: str
    final: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a release would be, and why it is none."""

    release: Release
    objections: tuple[Objection, ...]


def keep(book: Book, candidate: Candidate, change: Change) -> None:
    """Keep a candidate in place of an earlier one, in one transaction."""
    row = releases.record(book, candidate.release)
    row = {name: value for name, value in row.items() if name in _COLUMNS}
    objections = [[one.text, one.final] for one in candidate.objections]
    ended = change.old.select("value", "scope").join(change.new, on=["value", "scope"], how="anti")
    with Bulk(book.database) as bulk:
        releases.forget_candidate(bulk)
        bulk.append("candidate", pl.DataFrame([{**row, "objections": json.dumps(objections)}]))
        changed = pl.concat([change.new, ended], how="diagonal")
        bulk.append("candidate_verdict", changed.sort("value", "scope"))


def drop(book: Book) -> None:
    """Forget the candidate, for it is out of date."""
    with Bulk(book.database) as bulk:
        releases.forget_candidate(bulk)


def waiting(reader: sqlite3.Connection) -> Candidate | None:
    """Return the candidate that the gate held, or None."""
    if version(reader) < HISTORY:
        return None
    row = reader.execute(
        f"SELECT {', '.join(_COLUMNS)}, who, objections FROM candidate JOIN run ON run.id = run_id"
    ).fetchone()
    if row is None:
        return None
    *told, objections = row
    release = releases.release(dict(zip((*_COLUMNS, "who"), told, strict=True)))
    return Candidate(release, tuple(Objection(*one) for one in json.loads(objections)))


def change(bulk: Bulk) -> Change:
    """Return the difference between the release in force and the candidate."""
    names = ", ".join(ROW.names())
    new = f"SELECT {names} FROM candidate_verdict WHERE verdict IS NOT NULL"
    old = releases.in_force(bulk).join(_touched(bulk), on=_TOUCHED.names(), how="semi")
    return Change(bulk.query(new, schema=ROW), old)


def rows(bulk: Bulk) -> pl.DataFrame:
    """Return what the candidate would block and allow (schema `RELEASE`)."""
    names = ", ".join(ROW.names())
    comes = f"SELECT {names} FROM candidate_verdict WHERE {IN_FORCE}"
    stays = releases.rows(bulk).join(_touched(bulk), on=_TOUCHED.names(), how="anti")
    return pl.concat([stays, releases.exported(bulk.query(comes, schema=ROW))])


def _touched(bulk: Bulk) -> pl.DataFrame:
    """Return the `value` and `scope` of what the candidate changes."""
    return bulk.query("SELECT value, scope FROM candidate_verdict", schema=_TOUCHED)
