"""Delete history before a time: cutoff -> counts of deleted rows. Nothing else deletes."""

from dataclasses import dataclass, replace

from blocklist.errors import StorageError
from blocklist.ledger.db.connection import open_read_write
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.temporal.pack_sql import delete_ended_rows

#: Snapshots a feed keeps in any case: what is usual for it is told from the last ones.
_MIN_SNAPSHOTS = 20


@dataclass(frozen=True, slots=True)
class PruneResult:
    """What was deleted: releases keep their row, and what is in force or newer is untouched."""

    releases: int
    verdicts: int
    listings: int
    #: Why the file is as large as before, where it is: another program writes, or the disk is full.
    still_large: str | None = None


def prune_history(book: LedgerWriter, before: str) -> PruneResult:
    """Delete what ended before the release that was in force at a time, and give the room back.

    What is deleted is deleted, also where there is no room to be given back for now.
    """
    with book.open_database() as db:
        # The one before the first later one: after a clock that went back, too little is deleted.
        sql = (
            "SELECT coalesce(min(number) FILTER (WHERE created > ?) - 1, max(number)) FROM release"
        )
        (oldest,) = db.execute(sql, [before]).fetchone()
        if not oldest:
            return PruneResult(0, 0, 0)
        # What a release that came back was judged from is older than itself.
        sql = "SELECT min(coalesce(basis, run_id)) FROM release WHERE number >= ?"
        (run,) = db.execute(sql, [oldest]).fetchone()
        with db.atomic():
            done = PruneResult(
                db.execute(
                    "UPDATE release SET pruned = 1 WHERE number < ? AND NOT pruned", [oldest]
                ).rowcount,
                delete_ended_rows(db.conn, "verdict", oldest),
                delete_ended_rows(db.conn, "listing", run),
            )
            db.execute(
                "DELETE FROM snapshot WHERE run_id < ? AND id NOT IN (SELECT id FROM (SELECT id, "
                "row_number() OVER (PARTITION BY feed_id ORDER BY id DESC) AS place FROM snapshot) "
                f"WHERE place <= {_MIN_SNAPSHOTS})",
                [run],
            )
    return replace(done, still_large=_vacuum_database(book))


def _vacuum_database(book: LedgerWriter) -> str | None:
    """Give the room back that is free in the file; return why not, where that cannot be."""
    try:
        with open_read_write(book.database) as opened:
            opened.execute("VACUUM")
    except StorageError as error:
        return str(error)
    return None
