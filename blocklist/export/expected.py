"""What a finished file must answer, asked one at a time and straight from the release's rows.

This is the plain form of `export.meaning` and `export.addresses`, written apart from both, so that
a fault in one shows as a difference to the other.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import takewhile

import polars as pl

from blocklist import networks
from blocklist.config import Export
from blocklist.model import Kind, Scope, Verdict
from blocklist.names import MAX_NAME, lineage
from blocklist.targets import Allows, Target

#: The rows of one value: scope and action.
Rules = dict[str, list[tuple[Scope, Verdict]]]
Row = tuple[str, Scope, Verdict]
#: Whether a target can say that the row of this value and scope blocks a query.
Says = Callable[[str, Scope, str], bool]


def containers(kind: Kind, query: str) -> Iterator[str]:
    """Return the values whose rows can cover a query, most specific first."""
    if kind is Kind.URL:
        return iter([query])
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


def covering(kind: Kind, query: str, known: Rules) -> list[Row]:
    """Return the rows that cover a query, most specific first; an allow stands before its like."""
    found = []
    for value in containers(kind, query):
        own = kind is not Kind.DOMAIN or value == query
        rows = [
            (scope is not Scope.EXACT, action is not Verdict.ALLOW, scope, action)
            for scope, action in known.get(value, [])
            if (scope.covers_self if own else scope.covers_below)
        ]
        found += [(value, scope, action) for *_, scope, action in sorted(rows)]
    return found


def decisive(kind: Kind, query: str, known: Rules) -> Row | None:
    """Return the most specific row that covers a query, or none."""
    return next(iter(covering(kind, query, known)), None)


def answer(kind: Kind, query: str, known: Rules, says: Says) -> bool | None:
    """Return whether a file must block a query; none when it may, but need not.

    `says` tells whether the target can say that a row blocks the query; of networks every target
    can say all but the one of all addresses.
    """
    rows = covering(kind, query, known)
    if not rows or rows[0][2] is Verdict.ALLOW:
        return False
    for value, scope, action in rows:
        if action is Verdict.ALLOW:
            break
        if _sayable(kind, value) and (kind is not Kind.DOMAIN or says(value, scope, query)):
            return True
    return None


def _sayable(kind: Kind, value: str) -> bool:
    return kind is not Kind.IP or not value.endswith("/0")


def room_for_names(export: Export) -> int:
    """Return how long a name can be that the export's file speaks of (RFC 1035, 2.3.4)."""
    return MAX_NAME - len(f".{export.zone}") if export.zone else MAX_NAME


def expressible(export: Export, allows: Iterable[tuple[str, Scope]]) -> Says:
    """Return what tells whether the export's target can say that a row blocks a query.

    `allows` are the operator's.
    """
    in_rules = _in_rules(export.target, allows)
    if export.target.dialect != "rpz":
        return in_rules
    fits = _under_a_zone(export, [name for name, _ in allows])
    return lambda value, scope, query: fits(value, query) and in_rules(value, scope, query)


def _in_rules(target: Target, allows: Iterable[tuple[str, Scope]]) -> Says:
    at: dict[str, set[Scope]] = {}
    for name, scope in allows:
        at.setdefault(name, set()).add(scope)
    above = {up for name in at for up in lineage(name) if up != name}

    def says(value: str, scope: Scope, query: str) -> bool:
        if target.max_name is not None and len(value) > target.max_name:
            return False
        if target.allows is Allows.ALWAYS and any(name in at for name in lineage(query)):
            return False
        alone = value not in at and (value not in above or target.allows is not Allows.NONE)
        if value == query:
            return Scope.EXACT in target.scopes or (scope is Scope.SUBTREE and alone)
        if Scope.SUBTREE not in target.scopes or (target.allows is Allows.NONE and value in above):
            return False
        if Scope.BELOW in target.scopes:
            return True
        # An allow of one name alone opens what is below it, too.
        between = takewhile(lambda name: name != value, lineage(query))
        return scope is Scope.SUBTREE and not any(name in at for name in (*between, value))

    return says


def _under_a_zone(export: Export, allows: Iterable[str]) -> Callable[[str, str], bool]:
    room = room_for_names(export)
    # An allow that does not fit under the zone opens names above it, and all below them.
    opened = {
        next((up for up in lineage(name) if len(up) <= most), name)
        for name in allows
        if len(name) > room
        for most in (room, room - len("*."))
    }

    def fits(value: str, query: str) -> bool:
        owner = value if value == query else f"*.{value}"
        last = query.rpartition(".")[2]
        short = len(owner) <= room and not last.startswith("rpz-")
        return short and opened.isdisjoint(lineage(query))

    return fits
