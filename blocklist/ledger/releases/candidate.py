"""Store and read the candidate: the release that the gate held, and its objections.

There is at most one. It is stored as the difference to the current release, and every published or
newly built release replaces it.
"""

import json
import sqlite3
from dataclasses import dataclass

import polars as pl

from blocklist.ledger.db.transaction import Transaction
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
    require_current,
    to_export_rows,
)
from blocklist.model import Verdict

_CANDIDATE_COLUMNS = (
    "number", "run_id", "created", "cause", "blocked", "held", "added", "removed", "basis",
    "feeds", "categories",
)  # fmt: skip
_KEY_SCHEMA = pl.Schema({name: VERDICT_ROW[name] for name in ("value", "scope")})


@dataclass(frozen=True, slots=True)
class Objection:
    """Why the gate held a candidate, in words for a person.

    Nobody can accept a candidate with a `final` objection: its guards were missing or faulty.
    """

    text: str
    final: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A release that the gate held, and its objections."""

    release: Release
    objections: tuple[Objection, ...]


def save_candidate(writer: LedgerWriter, candidate: Candidate, change: VerdictChange) -> None:
    """Store a candidate in place of an earlier one, in one transaction.

    Raise `StaleRelease` if the current release is not the one before the candidate.
    """
    row = release_row(writer, candidate.release)
    row = {name: value for name, value in row.items() if name in _CANDIDATE_COLUMNS}
    objections = [[one.text, one.final] for one in candidate.objections]
    ended = change.old.select("value", "scope").join(change.new, on=["value", "scope"], how="anti")
    with writer.transaction() as transaction:
        require_current(transaction, candidate.release.number - 1)
        delete_candidate_rows(transaction)
        transaction.table("candidate").insert({**row, "objections": json.dumps(objections)})
        changed = pl.concat([change.new, ended], how="diagonal")
        transaction.append("candidate_verdict", changed.sort("value", "scope"))


def discard_candidate(writer: LedgerWriter) -> None:
    """Delete the candidate, because it is out of date."""
    with writer.transaction() as transaction:
        delete_candidate_rows(transaction)


def rebase_candidate(transaction: Transaction, new: Release, values: pl.Series) -> None:
    """Make the candidate the difference from `new`, which is about to be published.

    `new` differs from the current release in these values only, and has the verdicts there that the
    candidate gets, too. A candidate without any other difference is deleted.
    """
    candidate = load_candidate(transaction.connection)
    if candidate is None:
        return
    decided, rest = load_candidate_change(transaction).split_by_values(values)
    if not rest:
        delete_candidate_rows(transaction)
        return
    transaction.stage("decided", pl.concat([decided.new, decided.old]).select("value").unique())
    transaction.execute(
        "DELETE FROM candidate_verdict WHERE value IN (SELECT value FROM temp.decided)"
    )
    transaction.execute(
        "UPDATE candidate SET number = ?, blocked = ?, held = ?, added = ?, removed = ?",
        new.number + 1,
        new.blocked + rest.net_count(Verdict.BLOCK),
        new.held + rest.net_count(Verdict.HOLD),
        rest.added_blocks.height,
        rest.removed_blocks.height,
    )


def load_candidate(reader: sqlite3.Connection) -> Candidate | None:
    """Return the candidate that the gate held, or None."""
    row = reader.execute(
        f"SELECT {', '.join(_CANDIDATE_COLUMNS)}, who, objections "
        "FROM candidate JOIN run ON run.id = run_id"
    ).fetchone()
    if row is None:
        return None
    *values, objections = row
    release = release_from_row(dict(zip((*_CANDIDATE_COLUMNS, "who"), values, strict=True)))
    return Candidate(release, tuple(Objection(*one) for one in json.loads(objections)))


def load_candidate_change(transaction: Transaction) -> VerdictChange:
    """Return the difference from the current release to the candidate."""
    names = ", ".join(VERDICT_ROW.names())
    new = f"SELECT {names} FROM candidate_verdict WHERE verdict IS NOT NULL"
    keys = _changed_keys(transaction)
    old = current_verdicts(transaction).join(keys, on=_KEY_SCHEMA.names(), how="semi")
    return VerdictChange(transaction.frame(new, schema=VERDICT_ROW), old)


def candidate_export_rows(transaction: Transaction) -> pl.DataFrame:
    """Return what the candidate would block and allow (schema `RELEASE`)."""
    names = ", ".join(VERDICT_ROW.names())
    new = f"SELECT {names} FROM candidate_verdict WHERE {EXPORTED_FILTER}"
    keys = _changed_keys(transaction)
    kept = export_rows(transaction).join(keys, on=_KEY_SCHEMA.names(), how="anti")
    return pl.concat([kept, to_export_rows(transaction.frame(new, schema=VERDICT_ROW))])


def _changed_keys(transaction: Transaction) -> pl.DataFrame:
    """Return the `value` and `scope` of the verdicts that the candidate changes."""
    return transaction.frame("SELECT value, scope FROM candidate_verdict", schema=_KEY_SCHEMA)
