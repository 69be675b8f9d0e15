"""Store and read DNS facts of names: facts -> rows, and the names that are due."""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from blocklist.ledger.db.runs import DNS_SURVEY, record_job
from blocklist.ledger.db.timestamps import format_timestamp
from blocklist.ledger.db.transaction import Transaction
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
    """The stored DNS state of a name. Times are as the ledger writes them."""

    name: str
    #: The registrable domain, which decides whether the name is dead.
    domain: str
    state: Liveness
    #: Since when it is in this state.
    since: str
    #: The last conclusive answer.
    answer: str
    addresses: tuple[str, ...]
    #: The domain's name servers; None when they were never queried.
    servers: tuple[str, ...] | None
    #: When that was.
    checked: str | None
    due: str
    #: How many hours lie between the last query and the next.
    pause: int
    #: How many queries in a row found it gone, and since when.
    gone: int = 0
    gone_since: str | None = None


def select_due_names(transaction: Transaction, now: datetime, furthest: datetime) -> pl.Series:
    """Return blocked and held names to query: those never queried, then the longest due.

    A name that is due after `furthest` was written by a wrong clock, so it is due, too.
    """
    return filter_due_names(transaction, blocked_and_held_names(transaction), now, furthest)


def filter_due_names(
    transaction: Transaction, names: pl.Series, now: datetime, furthest: datetime
) -> pl.Series:
    """Return those of the names that are due, in the order of `select_due_names`."""
    dues = transaction.frame("SELECT name, due AS at FROM fact", schema=_DUE_SCHEMA)
    wanted = names.unique().to_frame("name").join(dues, on="name", how="left")
    at = pl.col("at")
    late = at.is_null() | (at <= format_timestamp(now)) | (at > format_timestamp(furthest))
    return wanted.filter(late).sort("at", "name", nulls_last=False)["name"]


def load_facts(reader: sqlite3.Connection, names: Iterable[str]) -> dict[str, DnsFact]:
    """Return the facts of exactly these names."""
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


def load_fact_frame(transaction: Transaction, names: pl.Series) -> pl.DataFrame:
    """Return the facts of exactly these names, with the columns that reports show."""
    schema = pl.Schema(dict.fromkeys(_REPORT_COLUMNS, pl.String()))
    if transaction.execute("SELECT 1 FROM fact LIMIT 1").fetchone() is None:
        return pl.DataFrame(schema=schema)
    transaction.stage("wanted", names.unique().to_frame("name"))
    columns = ", ".join(_REPORT_COLUMNS)
    sql = f"SELECT {columns} FROM fact WHERE name IN (SELECT name FROM temp.wanted)"
    return transaction.frame(sql, schema=schema)


def save_facts(writer: LedgerWriter, facts: Iterable[DnsFact]) -> None:
    """Store facts in place of the earlier ones of their names, all or none."""
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
    with writer.transaction() as transaction:
        sql = f"INSERT OR REPLACE INTO fact ({', '.join(_COLUMNS)}) VALUES ({places})"
        transaction.connection.executemany(sql, rows)
        record_job(transaction, DNS_SURVEY, writer.run_id)


def dead_names(transaction: Transaction) -> pl.Series:
    """Return the names that are dead, because their domain is."""
    sql = (
        "SELECT fact.name AS name FROM fact JOIN fact AS decisive ON decisive.name = fact.domain "
        f"WHERE decisive.state = '{Liveness.DEAD}'"
    )
    return transaction.frame(sql, schema=_NAME_SCHEMA)["name"]


def load_name_addresses(transaction: Transaction) -> pl.DataFrame:
    """Return a row for each name and each address that was observed for it: `name`, `address`."""
    sql = "SELECT name, value AS address FROM fact, json_each(addresses)"
    return transaction.frame(sql, schema=pl.Schema({**_NAME_SCHEMA, "address": pl.String()}))
