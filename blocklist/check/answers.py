"""Answer queries, one or millions: queries, ledger -> answers in the order of the queries.

A few queries are answered one at a time. Many plain names are answered as columns (`check.batch`),
and only the rest of them one at a time.
"""

import logging
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, overload

from blocklist.check.single import Answer, ScoreSource, add_locations, check_one, locate_addresses
from blocklist.check.unreleased import explain_absence
from blocklist.geoip import GeoIpDatabase
from blocklist.ledger.db.connection import open_read_only
from blocklist.ledger.db.transaction import Transaction
from blocklist.ledger.lookup import LedgerLookup
from blocklist.ledger.operator.pending import PendingChange, find_pending_changes
from blocklist.ledger.point_in_time import PointInTime, parse_point_in_time
from blocklist.model import Kind, Reason, Verdict

if TYPE_CHECKING:
    import polars as pl

    from blocklist.check.batch import BatchAnswers

#: Fewer queries are answered sooner one at a time.
BATCH_MINIMUM = 2_000

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Answers(Sequence[Answer]):
    """The answers to many queries, in the order of the queries.

    Iterate over it: an answer that is kept as columns becomes an `Answer` as you reach it.
    """

    queries: Sequence[str]
    #: The release that was asked; None if there is none.
    release: int | None
    #: The answers that are kept as columns; None if there are none.
    batch: "BatchAnswers | None"
    #: The other answers, by the position of their query.
    singles: dict[int, Answer] = field(repr=False)

    def __len__(self) -> int:
        return len(self.queries)

    def __iter__(self) -> Iterator[Answer]:
        return self._merge(
            range(len(self.queries)), self.batch.iter_answers() if self.batch else iter(())
        )

    @overload
    def __getitem__(self, index: int) -> Answer: ...
    @overload
    def __getitem__(self, index: slice) -> list[Answer]: ...
    def __getitem__(self, index: int | slice) -> Answer | list[Answer]:
        rows = range(len(self.queries))[index]
        if isinstance(rows, range):
            return list(self.iter_rows(rows))
        return next(self.iter_rows([rows]))

    def iter_rows(self, rows: Sequence[int]) -> Iterator[Answer]:
        """Yield the answers to the queries at some positions, in that order."""
        in_batch = [row for row in rows if row not in self.singles]
        return self._merge(rows, self.batch.iter_answers(in_batch) if self.batch else iter(()))

    def _merge(self, rows: Iterable[int], batch: Iterator[Answer]) -> Iterator[Answer]:
        for row in rows:
            yield self.singles[row] if row in self.singles else next(batch)

    @property
    def any_blocked(self) -> bool:
        """Whether any query is blocked."""
        blocked = (answer.verdict is Verdict.BLOCK for answer in self.singles.values())
        return any(blocked) or (self.batch is not None and self.batch.any_blocked)

    @property
    def invalid(self) -> list[Answer]:
        """The answers to queries that are no name, address, network or URL, in order."""
        return [answer for answer in self.singles.values() if answer.reason is Reason.INVALID]

    def to_frame(self) -> "pl.DataFrame":
        """Return one row a query, in order.

        The columns are `query`, `kind`, `verdict`, `reason`, `cause`, `indicator` and `scope`; the
        last two are those of the match.
        """
        from blocklist.check.answer_frame import build_answer_frame

        return build_answer_frame(self.queries, self.batch, self.singles)


def check_name(
    query: str, database: Path, at: str | None = None, geoip: GeoIpDatabase | None = None
) -> Answer:
    """Return the answer to one query, as of now or of a moment (a date, a time or a release)."""
    return check_names([query], database, at, geoip)[0]


def check_names(
    queries: Sequence[str],
    database: Path,
    at: str | None = None,
    geoip: GeoIpDatabase | None = None,
) -> Answers:
    """Return the answers to queries, as of now or of a moment (a date, a time or a release).

    Without a database every query is clear. Raise `UsageError` or `NotFoundError` for a moment that
    cannot be read or was pruned, and `StorageError` if the database cannot be read.
    """
    with open_read_only(database) as reader, geoip or GeoIpDatabase() as places:
        if reader is None:
            if at is not None:
                parse_point_in_time(None, at)
            return Answers(queries, None, None, _check_singles(queries, None, None, places, []))
        reader.execute("BEGIN")  # so that all answers are of one state
        moment = None if at is None else parse_point_in_time(reader, at)
        lookup, batch = LedgerLookup(reader, moment), None
        pending = find_pending_changes(reader) if moment is None else []
        if len(queries) >= BATCH_MINIMUM:
            batch = _check_batch(queries, reader, lookup, moment, pending)
            batch = _locate_batch(batch, places)
        singles = _check_singles(queries, batch, lookup, places, pending)
        release = lookup.release_number()
    logger.debug(
        "answered %d queries from release %s, %d of them one at a time",
        *(len(queries), release, len(singles)),
    )
    return Answers(queries, release, batch, singles)


def _check_singles(
    queries: Sequence[str],
    batch: "BatchAnswers | None",
    lookup: LedgerLookup | None,
    places: GeoIpDatabase,
    pending: list[PendingChange],
) -> dict[int, Answer]:
    """Return the answers that are not in the batch, by the position of their query."""
    rows = range(len(queries)) if batch is None else batch.unanswered_rows()
    scores = ScoreSource(lookup) if lookup else None
    answers = ((row, check_one(queries[row], lookup, scores, pending)) for row in rows)
    return {row: add_locations(answer, places) for row, answer in answers}


def _check_batch(
    queries: Sequence[str],
    reader: sqlite3.Connection,
    lookup: LedgerLookup,
    moment: PointInTime | None,
    pending: list[PendingChange],
) -> "BatchAnswers":
    """Return the answers to the plain names among many queries, as columns.

    Names with a pending entry are left to be answered one at a time.
    """
    from blocklist.check.batch import check_many

    weights, release = lookup.feed_weights(), lookup.release_number()
    names = [change.value for change in pending if change.kind is Kind.DOMAIN]
    transaction, absence = Transaction(reader), explain_absence(lookup)
    return check_many(queries, transaction, weights, release, moment, names, absence=absence)


def _locate_batch(batch: "BatchAnswers", geoip: GeoIpDatabase) -> "BatchAnswers":
    facts = {
        row: locate_addresses(known, known.get("addresses", ()), geoip)
        for row, known in batch.facts.items()
    }
    return replace(batch, facts=facts)
