"""Delete history before a time: cutoff -> counts of deleted rows. Nothing else deletes."""

import sqlite3
from dataclasses import dataclass, replace

from blocklist.errors import StorageError
from blocklist.ledger.db.connection import open_read_write
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.temporal.pack_sql import delete_ended_rows

#: The last snapshots of a feed stay in any case, because its usual entry count is computed of them.
_MIN_SNAPSHOTS = 20


@dataclass(frozen=True, slots=True)
class PruneResult:
    """The number of deleted rows: releases keep their row, and current rows are untouched."""

    releases: int
    verdicts: int
    listings: int
    #: Why the file did not shrink, where it did not: another program writes, or the disk is full.
    still_large: str | None = None


def prune_history(writer: LedgerWriter, before: str) -> PruneResult:
    """Delete what ended before the release that was current at a time, and shrink the file.

    The deletion stays, also where the file cannot be shrunk now.
    """
    with writer.transaction() as transaction:
        horizon = _find_horizon(transaction.connection, before)
        if horizon is None:
            return PruneResult(0, 0, 0)
        result = _delete_history(transaction.connection, *horizon)
    return replace(result, still_large=_vacuum_database(writer))


def _find_horizon(connection: sqlite3.Connection, before: str) -> tuple[int, int] | None:
    """Return the oldest release to keep, and the oldest run that it and later ones depend on."""
    # The one before the first later one: after a clock that went back, too little is deleted.
    sql = "SELECT coalesce(min(number) FILTER (WHERE created > ?) - 1, max(number)) FROM release"
    (oldest,) = connection.execute(sql, [before]).fetchone()
    if not oldest:
        return None
    # A rollback publishes a release that was judged from an earlier run than its own.
    sql = "SELECT min(coalesce(basis, run_id)) FROM release WHERE number >= ?"
    (run,) = connection.execute(sql, [oldest]).fetchone()
    return oldest, run


def _delete_history(connection: sqlite3.Connection, release: int, run: int) -> PruneResult:
    sql = "UPDATE release SET pruned = 1 WHERE number < ? AND NOT pruned"
    releases = connection.execute(sql, [release]).rowcount
    verdicts = delete_ended_rows(connection, "verdict", release)
    listings = delete_ended_rows(connection, "listing", run)
    connection.execute(
        "DELETE FROM snapshot WHERE run_id < ? AND id NOT IN (SELECT id FROM (SELECT id, "
        "row_number() OVER (PARTITION BY feed_id ORDER BY id DESC) AS position FROM snapshot) "
        f"WHERE position <= {_MIN_SNAPSHOTS})",
        [run],
    )
    return PruneResult(releases, verdicts, listings)


def _vacuum_database(writer: LedgerWriter) -> str | None:
    """Shrink the file to what is in use; return why not, where that cannot be."""
    try:
        with open_read_write(writer.database) as connection:
            connection.execute("VACUUM")  # not allowed in a transaction
    except StorageError as error:
        return str(error)
    return None
