"""Accept the candidate that the gate held: candidate, reason -> published release."""

from dataclasses import replace

from blocklist.errors import GateHeld, NotFoundError
from blocklist.ledger.db.bulk import BulkTransaction
from blocklist.ledger.db.timestamps import current_timestamp
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.releases.candidate import load_candidate, load_candidate_change
from blocklist.ledger.releases.history import Release
from blocklist.ledger.releases.verdicts import publish_release


def accept_candidate(book: LedgerWriter, reason: str) -> Release:
    """Publish the candidate and return it.

    Raise `NotFoundError` where none waits, and `GateHeld` where the guards were not there to judge
    it by: that is nothing to be accepted, but to be mended.
    """
    with book.open_database() as db:
        waiting = load_candidate(db.conn)
    if waiting is None:
        raise NotFoundError("there is nothing to accept: the gate holds no candidate")
    final = [objection.text for objection in waiting.objections if objection.final]
    if final:
        message = "the candidate was judged without a sound guard and cannot be accepted"
        raise GateHeld("\n  ".join([message, *final]))
    with BulkTransaction(book.database) as bulk:
        change = load_candidate_change(bulk)
    by = {
        "created": current_timestamp(),
        "cause": "release accept",
        "who": book.author,
        "run": book.run_id,
    }
    new = replace(waiting.release, reason=reason, **by)  # type: ignore[arg-type]
    publish_release(book, new, change)
    return new
