"""Store and read the health of exports: how the last attempt ended, and what servers had."""

import sqlite3
from collections.abc import Iterable
from dataclasses import astuple, dataclass, replace

from blocklist.ledger.db.timestamps import current_timestamp
from blocklist.ledger.db.transaction import Transaction
from blocklist.ledger.db.writer import LedgerWriter


@dataclass(frozen=True, slots=True)
class ExportAttempt:
    """How the last attempt to bring an export up to date ended."""

    path: str
    #: The release that was current when its file was last confirmed, and when that was.
    release: int | None
    confirmed: str | None
    #: Why the last attempt failed, and since when all attempts have failed.
    fault: str | None
    fault_since: str | None


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """What a server was last seen with."""

    #: The release from which the content was rendered that it had, and when that was seen.
    release: int | None
    seen: str | None
    #: What it lacked in the last look, and since when.
    fault: str | None
    fault_since: str | None


def load_export_attempts(reader: sqlite3.Connection) -> dict[str, ExportAttempt]:
    """Return the last attempt of each export by name."""
    sql = "SELECT name, path, release, confirmed, fault, fault_since FROM export_outcome"
    return {name: ExportAttempt(*row) for name, *row in reader.execute(sql)}


def load_server_records(reader: sqlite3.Connection) -> dict[tuple[str, str], ServerRecord]:
    """Return what each server was last seen with, by export and server."""
    sql = "SELECT export, name, release, seen, fault, fault_since FROM server"
    return {(export, name): ServerRecord(*row) for export, name, *row in reader.execute(sql)}


@dataclass(frozen=True, slots=True)
class ServerResult:
    """What a look at one server showed: the release of the content it has, or what it lacks."""

    name: str
    release: int | None
    fault: str | None
    #: Why nobody could look; then nothing is known, and the record of the last look stays.
    unseen: str | None = None


def save_export_attempt(
    writer: LedgerWriter,
    export: str,
    path: str,
    release: int,
    fault: str | None,
    servers: Iterable[ServerResult] | None,
) -> None:
    """Store how an attempt for a release ended, and what its servers were seen with.

    Without `servers` (None) nobody looked, and their records stay.
    """
    with writer.transaction() as transaction:
        _save_attempt(transaction, export, path, release, fault)
        if servers is not None:
            _save_servers(transaction, export, list(servers))


def _save_attempt(
    transaction: Transaction, export: str, path: str, release: int, fault: str | None
) -> None:
    old = load_export_attempts(transaction.connection).get(export)
    if old and old.path != path:
        old = None
    now = current_timestamp()
    attempt = ExportAttempt(path, release, now, None, None)
    if fault is not None:
        before = old or ExportAttempt(path, None, None, None, None)
        attempt = replace(before, fault=fault, fault_since=before.fault_since or now)
    sql = "INSERT OR REPLACE INTO export_outcome VALUES (?, ?, ?, ?, ?, ?)"
    transaction.execute(sql, export, *astuple(attempt))


def _save_servers(transaction: Transaction, export: str, servers: list[ServerResult]) -> None:
    """Store the servers of an export in place of those of before."""
    old = load_server_records(transaction.connection)
    transaction.execute("DELETE FROM server WHERE export = ?", export)
    now = current_timestamp()
    for server in servers:
        before = old.get((export, server.name)) or ServerRecord(None, None, None, None)
        record = before if server.unseen else ServerRecord(server.release, now, None, None)
        if server.fault is not None:
            since = before.fault_since or now
            record = replace(before, fault=server.fault, fault_since=since)
        sql = "INSERT INTO server VALUES (?, ?, ?, ?, ?, ?)"
        transaction.execute(sql, export, server.name, *astuple(record))
