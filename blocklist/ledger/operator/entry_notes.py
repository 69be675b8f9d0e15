"""Annotate operator entries: entries -> notes on expiry and on allows without a match."""

import sqlite3
from collections.abc import Iterable, Iterator

from blocklist.indicators.names import name_and_ancestors
from blocklist.indicators.networks import network_and_supernets, parse_network
from blocklist.indicators.urls import parse_url
from blocklist.ledger.db.timestamps import seconds_until
from blocklist.ledger.lookup import LedgerLookup, VerdictRecord
from blocklist.model import Entry, Kind, Reason, Verdict

_OPERATOR = list(Reason).index(Reason.OPERATOR)
_KINDS = list(Kind)
#: An entry that ends within so many seconds ends soon.
_SOON_SECONDS = 86400.0


def annotate_entries(
    reader: sqlite3.Connection, entries: Iterable[Entry]
) -> list[tuple[Entry, str]]:
    """Return each entry with what a person should know of it, which is often nothing."""
    every = list(entries)
    judged = {(row.value, row.scope) for row in _operator_verdicts(reader, every)}
    begun = [entry for entry in every if (entry.value, entry.scope) in judged]
    # A block needs nobody else to list the thing.
    unused = _find_unused_allows(
        reader, (entry for entry in begun if entry.action is Verdict.ALLOW)
    )
    return [(entry, "; ".join(_describe_entry(entry, begun, unused))) for entry in every]


def _operator_verdicts(reader: sqlite3.Connection, entries: list[Entry]) -> Iterator[VerdictRecord]:
    values = {entry.value for entry in entries}
    return (
        row for row in LedgerLookup(reader).find_verdicts(values) if row.reason is Reason.OPERATOR
    )


def _describe_entry(entry: Entry, begun: list[Entry], unused: list[Entry]) -> Iterator[str]:
    if entry not in begun:
        yield "counts from the next run on"
    if entry in unused:
        yield "never met a listing"
    left = seconds_until(entry.expires) if entry.expires else _SOON_SECONDS
    if left < _SOON_SECONDS:
        yield f"ends in {left / 3600:.0f} hours" if left > 5400 else f"ends in {left / 60:.0f} min"


def _find_unused_allows(reader: sqlite3.Connection, allows: Iterable[Entry]) -> list[Entry]:
    """Return the allows that never met a listing, not even one that ended.

    An allow meets what is listed as its own value, above it (it cuts a hole) or below it (it
    decides about it, which is on record as a verdict by the operator).
    """
    lookup = LedgerLookup(reader)
    met = {above for thing in _decided_indicators(reader) for above in _covering_values(*thing)}
    return [
        entry
        for entry in allows
        if entry.value not in met
        and not lookup.find_listings(_covering_values(entry.kind, entry.value))
    ]


def _decided_indicators(reader: sqlite3.Connection) -> Iterator[tuple[Kind, str]]:
    """Yield what was listed and decided by an entry on something else."""
    sql = (
        f"SELECT DISTINCT kind, value FROM verdict WHERE reason = {_OPERATOR} "
        "AND (value, scope) NOT IN (SELECT value, scope FROM operator)"
    )
    for kind, value in reader.execute(sql):
        yield _KINDS[kind], value


def _covering_values(kind: Kind, value: str) -> list[str]:
    """Return the value and all that could cover it."""
    if kind is Kind.DOMAIN:
        return list(name_and_ancestors(value))
    if kind is Kind.IP:
        return list(network_and_supernets(parse_network(value)))
    url = parse_url(value)
    return [value, *_covering_values(url.host_kind, url.host)]
