"""What a finished file must answer, asked one at a time and straight from the release's rows.

This is the plain form of `export.meaning` and `export.addresses`, written apart from both, so that
a fault in one shows as a difference to the other.
"""

from collections.abc import Callable, Iterable, Iterator

import polars as pl

from blocklist import networks
from blocklist.config import Export
from blocklist.model import Kind, Scope, Verdict
from blocklist.names import MAX_NAME, lineage

#: The rows of one value: scope and action.
Rules = dict[str, list[tuple[Scope, Verdict]]]


def containers(kind: Kind, query: str) -> Iterator[str]:
    """Yield the values whose rows can cover a name or an address, most specific first."""
    return lineage(query) if kind is Kind.DOMAIN else networks.containers(networks.parse(query))


def rules(kind: Kind, rows: pl.DataFrame, queries: Iterable[str]) -> Rules:
    """Return the rows that can decide about any of the queries."""
    values = {value for query in queries for value in containers(kind, query)}
    near = pl.Series(sorted(values), dtype=pl.String)
    found: Rules = {}
    taken = rows.filter(pl.col("kind") == kind.value, pl.col("value").is_in(near.implode()))
    for value, scope, action in taken.select("value", "scope", "action").iter_rows():
        found.setdefault(value, []).append((Scope(scope), Verdict(action)))
    return found


def decisive(kind: Kind, query: str, known: Rules) -> tuple[str, Scope, Verdict] | None:
    """Return the most specific row that covers a query, or none; an allow wins a tie."""
    for value in containers(kind, query):
        own = kind is Kind.IP or value == query
        covering = [
            (scope is not Scope.EXACT, action is not Verdict.ALLOW, scope, action)
            for scope, action in known.get(value, [])
            if (scope.covers_self if own else scope.covers_below)
        ]
        if covering:
            *_, scope, action = min(covering)
            return value, scope, action
    return None


def answer(kind: Kind, query: str, known: Rules, says: Callable[[str, str], bool]) -> bool | None:
    """Return whether a file must block a query; none when it may, but need not.

    `says` tells whether the target can say that a row at one name blocks the query; of networks
    every target can say all but the one of all addresses.
    """
    row = decisive(kind, query, known)
    if row is None or row[2] is Verdict.ALLOW:
        return False
    sayable = not row[0].endswith("/0") if kind is Kind.IP else says(row[0], query)
    return True if sayable else None


def room_for_names(export: Export) -> int:
    """Return how long a name can be that the export's file speaks of (RFC 1035, 2.3.4)."""
    return MAX_NAME - len(f".{export.zone}") if export.zone else MAX_NAME


def expressible(export: Export, allows: Iterable[str]) -> Callable[[str, str], bool]:
    """Return whether the export's target can say that a row at `value` blocks `query`.

    `allows` are the operator's: one that does not fit under the zone keeps more open than itself.
    """
    if Scope.SUBTREE not in export.target.scopes:
        return lambda value, query: value == query
    room = room_for_names(export)
    opened = {
        next((up for up in lineage(name) if len(up) <= room), name)
        for name in allows
        if len(name) > room
    }

    def says(value: str, query: str) -> bool:
        owner = value if value == query else f"*.{value}"
        last = query.rpartition(".")[2]
        fits = len(owner) <= room and not (
            export.target.dialect == "rpz" and last.startswith("rpz-")
        )
        return fits and opened.isdisjoint(lineage(query))

    return says
