"""Store and read DNS facts of names: facts -> rows, and the names due for a look."""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from blocklist.ledger.db.bulk import BulkTransaction
from blocklist.ledger.db.jobs import DNS_SURVEY, record_job
from blocklist.ledger.db.timestamps import format_timestamp
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.releases.verdicts import blocked_and_held_names
from blocklist.model import Liveness

_COLUMNS = (
    "name", "domain", "state", "since", "answer", "addresses", "servers", "checked", "due", "pause",
    "gone", "gone_since",
)  # fmt: skip
_REPORT_COLUMNS = ("name", "domain", "state", "since", "answer", "addresses", "checked")
_NAME_SCHEMA = pl.Schema({"name": pl.String})
_DUE_SCHEMA = pl.Schema({"name": pl.String(), "at": pl.String()})


@dataclass(frozen=True, slots=True)
class DnsFact:
    """What is known of a name. Times are as the ledger writes them."""

    name: str
    #: The registrable domain, which decides whether the name is dead.
    domain: str
    state: Liveness
    #: Since when it is in this state.
    since: str
    #: What the last look that said something said.
    answer: str
    addresses: tuple[str, ...]
    #: The domain's name servers; None when nobody asked.
    servers: tuple[str, ...] | None
    #: When that was.
    checked: str | None
    due: str
    #: How many hours lie between the last look and the next.
    pause: int
    #: How many looks in a row found it gone, and since when.
    gone: int = 0
    gone_since: str | None = None


def select_due_names(bulk: BulkTransaction, now: datetime, furthest: datetime) -> pl.Series:
    """Return blocked and held names to look at: those never seen, then the longest due.

    What is due after `furthest` was written by a clock that was wrong, and so is due, too.
    """
    return filter_due_names(bulk, blocked_and_held_names(bulk), now, furthest)


def filter_due_names(
    bulk: BulkTransaction, names: pl.Series, now: datetime, furthest: datetime
) -> pl.Series:
    """Return the same of other names."""
    known = bulk.query_frame("SELECT name, due AS at FROM fact", schema=_DUE_SCHEMA)
    asked = names.unique().to_frame("name").join(known, on="name", how="left")
    at = pl.col("at")
    late = at.is_null() | (at <= format_timestamp(now)) | (at > format_timestamp(furthest))
    return asked.filter(late).sort("at", "name", nulls_last=False)["name"]


def load_facts(reader: sqlite3.Connection, names: Iterable[str]) -> dict[str, DnsFact]:
    """Return what is known of exactly these names."""
    rows = reader.execute(
        f"SELECT {', '.join(_COLUMNS)} FROM fact WHERE name IN (SELECT value FROM json_each(?))",
        [json.dumps(list(names))],
    )
    return {row[0]: _fact_from_row(*row) for row in rows}


def _fact_from_row(  # noqa: PLR0913, PLR0917 (a row of the table)
    name: str, domain: str, state: str, since: str, answer: str, addresses: str,
    servers: str | None, checked: str | None, due_at: str, pause: int, gone: int,
    gone_since: str | None,
) -> DnsFact:  # fmt: skip
    return DnsFact(
        name, domain, Liveness(state), since, answer, tuple(json.loads(addresses)),
        None if servers is None else tuple(json.loads(servers)), checked, due_at, pause, gone,
        gone_since,
    )  # fmt: skip


def load_fact_frame(bulk: BulkTransaction, names: pl.Series) -> pl.DataFrame:
    """Return what is known of exactly these names, as far as a person is told of it."""
    schema = pl.Schema(dict.fromkeys(_REPORT_COLUMNS, pl.String()))
    if bulk.query_frame("SELECT name FROM fact LIMIT 1", schema=_NAME_SCHEMA).is_empty():
        return pl.DataFrame(schema=schema)
    bulk.stage_table("asked", names.unique().to_frame("name"))
    sql = (
        f"SELECT {', '.join(_REPORT_COLUMNS)} FROM fact WHERE name IN (SELECT name FROM temp.asked)"
    )
    return bulk.query_frame(sql, schema=schema)


def save_facts(book: LedgerWriter, facts: Iterable[DnsFact]) -> None:
    """Record facts in place of what was known of their names, all or none."""
    rows = [
        (
            fact.name, fact.domain, fact.state.value, fact.since, fact.answer,
            json.dumps(fact.addresses),
            None if fact.servers is None else json.dumps(fact.servers),
            fact.checked, fact.due, fact.pause, fact.gone, fact.gone_since,
        )
        for fact in facts
    ]  # fmt: skip
    places = ", ".join("?" for _ in _COLUMNS)
    with book.open_database() as db, db.atomic():
        sql = f"INSERT OR REPLACE INTO fact ({', '.join(_COLUMNS)}) VALUES ({places})"
        db.conn.executemany(sql, rows)
        record_job(db.conn, DNS_SURVEY, book.run_id)


def dead_names(bulk: BulkTransaction) -> pl.Series:
    """Return the names that are dead, because their domain is."""
    sql = (
        "SELECT fact.name AS name FROM fact JOIN fact AS decisive ON decisive.name = fact.domain "
        f"WHERE decisive.state = '{Liveness.DEAD}'"
    )
    return bulk.query_frame(sql, schema=_NAME_SCHEMA)["name"]


def load_name_addresses(bulk: BulkTransaction) -> pl.DataFrame:
    """Return a row for each name and each address that it was seen at: `name`, `address`."""
    sql = "SELECT name, value AS address FROM fact, json_each(addresses)"
    return bulk.query_frame(sql, schema=pl.Schema({**_NAME_SCHEMA, "address": pl.String()}))
