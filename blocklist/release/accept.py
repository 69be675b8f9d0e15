"""A person's yes to what the gate held."""

from dataclasses import replace

from blocklist.errors import GateHeld, UsageError
from blocklist.ledger import candidate, releases
from blocklist.ledger.book import Book
from blocklist.ledger.bulk import Bulk
from blocklist.ledger.releases import Release
from blocklist.ledger.times import now


def accept(book: Book, reason: str) -> Release:
    """Publish the candidate and return it.

    Raise `UsageError` where none waits, and `GateHeld` where the guards were not there to judge
    it by: that is nothing to be accepted, but to be mended.
    """
    with book.small() as db:
        waiting = candidate.waiting(db.conn)
    if waiting is None:
        raise UsageError("there is nothing to accept: the gate holds no candidate")
    final = [objection.text for objection in waiting.objections if objection.final]
    if final:
        message = "the candidate was judged without a sound guard and cannot be accepted"
        raise GateHeld("\n  ".join([message, *final]))
    with Bulk(book.database) as bulk:
        change = candidate.change(bulk)
    by = {"created": now(), "cause": "release accept", "who": book.who, "run": book.run}
    new = replace(waiting.release, reason=reason, **by)  # type: ignore[arg-type]
    releases.publish(book, new, change)
    return new
