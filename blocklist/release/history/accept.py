"""Accept the candidate that the gate held: candidate, reason -> published release."""

from dataclasses import replace

from blocklist.errors import GateHeld, NotFoundError
from blocklist.ledger.db.timestamps import current_timestamp
from blocklist.ledger.db.transaction import read_transaction
from blocklist.ledger.db.writer import LedgerWriter
from blocklist.ledger.releases.candidate import load_candidate, load_candidate_change
from blocklist.ledger.releases.history import Release
from blocklist.ledger.releases.verdicts import publish_release
from blocklist.release.publication import publish_by_job
from blocklist.release.result import log_release


def accept_candidate(writer: LedgerWriter, reason: str) -> Release:
    """Publish the candidate, with all that was decided meanwhile, and return its release.

    Raise `NotFoundError` if there is none, and `GateHeld` if it was judged without a healthy guard;
    then the guard must be repaired first.
    """
    return publish_by_job(writer, "release accept", lambda: _accept_once(writer, reason))


def _accept_once(writer: LedgerWriter, reason: str) -> Release:
    with read_transaction(writer.database) as transaction:
        candidate = load_candidate(transaction.connection)
        change = load_candidate_change(transaction)
    if candidate is None:
        raise NotFoundError("there is nothing to accept: the gate holds no release")
    final = [objection.text for objection in candidate.objections if objection.final]
    if final:
        message = (
            "the held release cannot be accepted, because a mandatory guard is missing or too old; "
            "repair the guard, then: blocklist run"
        )
        raise GateHeld("\n  ".join([message, *final]))
    origin = {
        "created": current_timestamp(),
        "cause": "release accept",
        "who": writer.author,
        "run": writer.run_id,
    }
    new = replace(candidate.release, reason=reason, **origin)  # type: ignore[arg-type]
    publish_release(writer, new, change)
    log_release(new, "published, a held candidate that was accepted")
    return new
