"""Annotate operator entries: entries -> notes on expiry and on allows without a match."""

import sqlite3
from collections.abc import Iterable, Iterator

from blocklist.indicators.names import name_and_ancestors
from blocklist.indicators.networks import network_and_supernets, parse_network
from blocklist.indicators.urls import parse_url
from blocklist.ledger.db.codes import KINDS, code_of
from blocklist.ledger.db.timestamps import seconds_until
from blocklist.ledger.lookup import LedgerLookup, VerdictRecord
from blocklist.ledger.operator.pending import entries_in_force
from blocklist.model import Entry, Kind, Reason, Verdict

#: The note on an entry that is newer than the current release.
NOT_IN_FORCE = "counts from the next run on"
#: The note on an entry that a rollback took out of force, while the release is pinned.
UNDONE = "undone by a rollback; add it again if it should count"
#: How a note begins on an entry that ends soon, and within how many seconds that is.
ENDS_SOON = "ends in"
ENDS_SOON_SECONDS = 86400.0


def annotate_entries(
    reader: sqlite3.Connection, entries: Iterable[Entry]
) -> list[tuple[Entry, str]]:
    """Return each entry with its notes for a person, which are often empty."""
    every = list(entries)
    judged = {(row.value, row.scope) for row in _operator_verdicts(reader, every)}
    begun = [entry for entry in every if (entry.value, entry.scope) in judged]
    in_force = entries_in_force(reader, every)
    # A block takes effect whether or not a feed lists its indicator.
    unused = _find_unused_allows(
        reader, (entry for entry in begun if entry.action is Verdict.ALLOW)
    )
    return [(entry, "; ".join(_describe_entry(entry, begun, in_force, unused))) for entry in every]


def _operator_verdicts(reader: sqlite3.Connection, entries: list[Entry]) -> Iterator[VerdictRecord]:
    verdicts = LedgerLookup(reader).find_verdicts({entry.value for entry in entries})
    return (row for row in verdicts if row.reason is Reason.OPERATOR)


def _describe_entry(
    entry: Entry, begun: list[Entry], in_force: list[Entry], unused: list[Entry]
) -> Iterator[str]:
    if entry not in begun:
        yield NOT_IN_FORCE if entry in in_force else UNDONE
    if entry in unused:
        yield "no feed ever listed it"
    left = seconds_until(entry.expires) if entry.expires else ENDS_SOON_SECONDS
    if left < ENDS_SOON_SECONDS:
        time = f"{left / 3600:.0f} hours" if left > 5400 else f"{left / 60:.0f} min"
        yield f"{ENDS_SOON} {time}"


def _find_unused_allows(reader: sqlite3.Connection, allows: Iterable[Entry]) -> list[Entry]:
    """Return the allows that never matched a listing, not even one that ended.

    An allow matches listings of its own value, of values above it, and of values below it. The
    last are stored as verdicts by the operator.
    """
    lookup = LedgerLookup(reader)
    decided = _decided_indicators(reader)
    matched = {above for indicator in decided for above in _covering_values(*indicator)}
    return [
        entry
        for entry in allows
        if entry.value not in matched
        and not lookup.find_listings(_covering_values(entry.kind, entry.value))
    ]


def _decided_indicators(reader: sqlite3.Connection) -> Iterator[tuple[Kind, str]]:
    """Yield the listed indicators that an entry on another value decided."""
    sql = (
        f"SELECT DISTINCT kind, value FROM verdict WHERE reason = {code_of(Reason.OPERATOR)} "
        "AND (value, scope) NOT IN (SELECT value, scope FROM entry)"
    )
    for kind, value in reader.execute(sql):
        yield KINDS[kind], value


def _covering_values(kind: Kind, value: str) -> list[str]:
    """Return the value and the values that could cover it."""
    if kind is Kind.DOMAIN:
        return list(name_and_ancestors(value))
    if kind is Kind.IP:
        return list(network_and_supernets(parse_network(value)))
    url = parse_url(value)
    return [value, *_covering_values(url.host_kind, url.host)]
