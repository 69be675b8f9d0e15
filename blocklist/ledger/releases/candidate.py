"""Store and read the candidate: the release that the gate held, and its objections.

There is at most one. It is stored as the difference to the current release, and every published or
newly built release replaces it.
"""

import json
import sqlite3
from dataclasses import dataclass

import polars as pl

from blocklist.ledger.db.bulk import BulkTransaction
from blocklist.ledger.db.connection import HISTORY_VERSION, schema_version
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.releases.history import Release, release_from_row
from blocklist.ledger.releases.verdicts import (
    EXPORTED_FILTER,
    VERDICT_ROW,
    VerdictChange,
    current_verdicts,
    delete_candidate_rows,
    export_rows,
    release_row,
    to_export_rows,
)

_CANDIDATE_COLUMNS = (
    "number", "run_id", "created", "cause", "blocked", "held", "added", "removed", "basis",
    "feeds", "categories",
)  # fmt: skip
_KEY_SCHEMA = pl.Schema({name: VERDICT_ROW[name] for name in ("value", "scope")})


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


def save_candidate(book: LedgerWriter, candidate: Candidate, change: VerdictChange) -> None:
    """Keep a candidate in place of an earlier one, in one transaction."""
    row = release_row(book, candidate.release)
    row = {name: value for name, value in row.items() if name in _CANDIDATE_COLUMNS}
    objections = [[one.text, one.final] for one in candidate.objections]
    ended = change.old.select("value", "scope").join(change.new, on=["value", "scope"], how="anti")
    with BulkTransaction(book.database) as bulk:
        delete_candidate_rows(bulk)
        bulk.append_rows("candidate", pl.DataFrame([{**row, "objections": json.dumps(objections)}]))
        changed = pl.concat([change.new, ended], how="diagonal")
        bulk.append_rows("candidate_verdict", changed.sort("value", "scope"))


def discard_candidate(book: LedgerWriter) -> None:
    """Forget the candidate, for it is out of date."""
    with BulkTransaction(book.database) as bulk:
        delete_candidate_rows(bulk)


def load_candidate(reader: sqlite3.Connection) -> Candidate | None:
    """Return the candidate that the gate held, or None."""
    if schema_version(reader) < HISTORY_VERSION:
        return None
    row = reader.execute(
        f"SELECT {', '.join(_CANDIDATE_COLUMNS)}, who, objections "
        "FROM candidate JOIN run ON run.id = run_id"
    ).fetchone()
    if row is None:
        return None
    *told, objections = row
    release = release_from_row(dict(zip((*_CANDIDATE_COLUMNS, "who"), told, strict=True)))
    return Candidate(release, tuple(Objection(*one) for one in json.loads(objections)))


def load_candidate_change(bulk: BulkTransaction) -> VerdictChange:
    """Return the difference between the release in force and the candidate."""
    names = ", ".join(VERDICT_ROW.names())
    new = f"SELECT {names} FROM candidate_verdict WHERE verdict IS NOT NULL"
    old = current_verdicts(bulk).join(_changed_keys(bulk), on=_KEY_SCHEMA.names(), how="semi")
    return VerdictChange(bulk.query_frame(new, schema=VERDICT_ROW), old)


def candidate_export_rows(bulk: BulkTransaction) -> pl.DataFrame:
    """Return what the candidate would block and allow (schema `RELEASE`)."""
    names = ", ".join(VERDICT_ROW.names())
    comes = f"SELECT {names} FROM candidate_verdict WHERE {EXPORTED_FILTER}"
    stays = export_rows(bulk).join(_changed_keys(bulk), on=_KEY_SCHEMA.names(), how="anti")
    return pl.concat([stays, to_export_rows(bulk.query_frame(comes, schema=VERDICT_ROW))])


def _changed_keys(bulk: BulkTransaction) -> pl.DataFrame:
    """Return the `value` and `scope` of what the candidate changes."""
    return bulk.query_frame("SELECT value, scope FROM candidate_verdict", schema=_KEY_SCHEMA)
