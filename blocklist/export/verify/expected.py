"""Expected answers: the release's rows and one query -> whether a finished file must block it.

The simple form of `render.precedence` and `render.addresses`, written independently, so that a
fault in one shows as a difference from the other.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import takewhile

import polars as pl

from blocklist.config.exports import Export
from blocklist.config.targets import AllowPrecedence, Target
from blocklist.indicators.names import MAX_NAME_LENGTH, name_and_ancestors
from blocklist.indicators.networks import network_and_supernets, parse_network
from blocklist.model import Kind, Scope, Verdict

#: The rows of one value: scope and action.
RulesByValue = dict[str, list[tuple[Scope, Verdict]]]
CoveringRow = tuple[str, Scope, Verdict]
#: Whether a target can say that the row of this value and scope blocks a query.
CanExpress = Callable[[str, Scope, str], bool]


def covering_values(kind: Kind, query: str) -> Iterator[str]:
    """Return the values whose rows can cover a query, most specific first."""
    if kind is Kind.URL:
        return iter([query])
    return (
        name_and_ancestors(query)
        if kind is Kind.DOMAIN
        else network_and_supernets(parse_network(query))
    )


def collect_rules(kind: Kind, rows: pl.DataFrame, queries: Iterable[str]) -> RulesByValue:
    """Return the rows that can decide about any of the queries."""
    values = {value for query in queries for value in covering_values(kind, query)}
    near = pl.Series(sorted(values), dtype=pl.String)
    found: RulesByValue = {}
    taken = rows.filter(pl.col("kind") == kind.value, pl.col("value").is_in(near.implode()))
    for value, scope, action in taken.select("value", "scope", "action").iter_rows():
        found.setdefault(value, []).append((Scope(scope), Verdict(action)))
    return found


def find_covering_rows(kind: Kind, query: str, known: RulesByValue) -> list[CoveringRow]:
    """Return the rows that cover a query, most specific first; an allow stands before its like."""
    found = []
    for value in covering_values(kind, query):
        own = kind is not Kind.DOMAIN or value == query
        rows = [
            (scope is not Scope.EXACT, action is not Verdict.ALLOW, scope, action)
            for scope, action in known.get(value, [])
            if (scope.covers_self if own else scope.covers_below)
        ]
        found += [(value, scope, action) for *_, scope, action in sorted(rows)]
    return found


def find_decisive_row(kind: Kind, query: str, known: RulesByValue) -> CoveringRow | None:
    """Return the most specific row that covers a query, or none."""
    return next(iter(find_covering_rows(kind, query, known)), None)


def must_block(kind: Kind, query: str, known: RulesByValue, says: CanExpress) -> bool | None:
    """Return whether a file must block a query; none when it may, but need not.

    `says` tells whether the target can say that a row blocks the query; of networks every target
    can say all but the one of all addresses.
    """
    rows = find_covering_rows(kind, query, known)
    if not rows or rows[0][2] is Verdict.ALLOW:
        return False
    for value, scope, action in rows:
        if action is Verdict.ALLOW:
            break
        if _is_expressible(kind, value) and (kind is not Kind.DOMAIN or says(value, scope, query)):
            return True
    return None


def _is_expressible(kind: Kind, value: str) -> bool:
    return kind is not Kind.IP or not value.endswith("/0")


def name_length_limit(export: Export) -> int:
    """Return how long a name can be that the export's file speaks of (RFC 1035, 2.3.4)."""
    return MAX_NAME_LENGTH - len(f".{export.zone}") if export.zone else MAX_NAME_LENGTH


def make_can_express(export: Export, allows: Iterable[tuple[str, Scope]]) -> CanExpress:
    """Return what tells whether the export's target can say that a row blocks a query.

    `allows` are the operator's.
    """
    in_rules = _make_rule_check(export.target, allows)
    if export.target.dialect != "rpz":
        return in_rules
    fits = _make_zone_check(export, [name for name, _ in allows])
    return lambda value, scope, query: fits(value, query) and in_rules(value, scope, query)


def _make_rule_check(target: Target, allows: Iterable[tuple[str, Scope]]) -> CanExpress:
    at: dict[str, set[Scope]] = {}
    for name, scope in allows:
        at.setdefault(name, set()).add(scope)
    above = {up for name in at for up in name_and_ancestors(name) if up != name}

    def can_express(value: str, scope: Scope, query: str) -> bool:
        if target.max_name is not None and len(value) > target.max_name:
            return False
        if target.allows is AllowPrecedence.ALWAYS and any(
            name in at for name in name_and_ancestors(query)
        ):
            return False
        alone = value not in at and (
            value not in above or target.allows is not AllowPrecedence.NONE
        )
        if value == query:
            return Scope.EXACT in target.scopes or (scope is Scope.SUBTREE and alone)
        if Scope.SUBTREE not in target.scopes or (
            target.allows is AllowPrecedence.NONE and value in above
        ):
            return False
        if Scope.BELOW in target.scopes:
            return True
        # An allow of one name alone opens what is below it, too.
        between = takewhile(lambda name: name != value, name_and_ancestors(query))
        return scope is Scope.SUBTREE and not any(name in at for name in (*between, value))

    return can_express


def _make_zone_check(export: Export, allows: Iterable[str]) -> Callable[[str, str], bool]:
    room = name_length_limit(export)
    # An allow that does not fit under the zone opens names above it, and all below them.
    opened = {
        next((up for up in name_and_ancestors(name) if len(up) <= most), name)
        for name in allows
        if len(name) > room
        for most in (room, room - len("*."))
    }

    def fits_zone(value: str, query: str) -> bool:
        owner = value if value == query else f"*.{value}"
        last = query.rpartition(".")[2]
        short = len(owner) <= room and not last.startswith("rpz-")
        return short and opened.isdisjoint(name_and_ancestors(query))

    return fits_zone
