"""Expected answers: the release's rows and one query -> whether a finished file must block it.

The simple form of `render.precedence` and `render.addresses`, written independently, so that a
fault in one shows as a difference from the other.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import takewhile

import polars as pl

from blocklist.config.exports import Export
from blocklist.config.targets import AllowPrecedence, Target
from blocklist.indicators.names import name_and_ancestors
from blocklist.indicators.networks import network_and_supernets, parse_network
from blocklist.model import Kind, Scope, Verdict

#: Value -> scope and action of its rows.
RulesByValue = dict[str, list[tuple[Scope, Verdict]]]
CoveringRow = tuple[str, Scope, Verdict]
#: Whether a target can express that the row with this value and scope blocks a query.
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
    """Return the rows that can cover any of the queries."""
    values = {value for query in queries for value in covering_values(kind, query)}
    relevant = pl.Series(sorted(values), dtype=pl.String)
    rules: RulesByValue = {}
    covering = rows.filter(pl.col("kind") == kind.value, pl.col("value").is_in(relevant.implode()))
    for value, scope, action in covering.select("value", "scope", "action").iter_rows():
        rules.setdefault(value, []).append((Scope(scope), Verdict(action)))
    return rules


def find_covering_rows(kind: Kind, query: str, rules: RulesByValue) -> list[CoveringRow]:
    """Return the rows that cover a query, most specific first; at one value, allow is first."""
    covering = []
    for value in covering_values(kind, query):
        is_own = kind is not Kind.DOMAIN or value == query
        rows = [
            (scope is not Scope.EXACT, action is not Verdict.ALLOW, scope, action)
            for scope, action in rules.get(value, [])
            if (scope.covers_self if is_own else scope.covers_below)
        ]
        covering += [(value, scope, action) for *_, scope, action in sorted(rows)]
    return covering


def find_decisive_row(kind: Kind, query: str, rules: RulesByValue) -> CoveringRow | None:
    """Return the most specific row that covers a query, or None."""
    return next(iter(find_covering_rows(kind, query, rules)), None)


def must_block(kind: Kind, query: str, rules: RulesByValue, can_express: CanExpress) -> bool | None:
    """Return whether a file must block a query; None if it may block it, but need not.

    `can_express` is asked for names only: every target can express every network except for the
    network of all addresses.
    """
    rows = find_covering_rows(kind, query, rules)
    if not rows or rows[0][2] is Verdict.ALLOW:
        return False
    for value, scope, action in rows:
        if action is Verdict.ALLOW:
            break
        if _is_expressible(kind, value) and (
            kind is not Kind.DOMAIN or can_express(value, scope, query)
        ):
            return True
    return None


def must_pass(
    query: str, rules: RulesByValue, allows: set[tuple[str, Scope]], limit: int
) -> bool | None:
    """Return whether a zone must have a row that lets a name pass; None if it need not differ.

    `allows` are the operator's allows, and `limit` the maximum length of an owner.
    """
    row = find_decisive_row(Kind.DOMAIN, query, rules)
    if row is None:
        return False
    value, scope, verdict = row
    owner = value if value == query else f"*.{value}"
    is_trigger = value.rpartition(".")[2].startswith("rpz-")
    is_own_allow = verdict is Verdict.ALLOW and (value, scope) in allows
    return True if is_own_allow and not is_trigger and len(owner) <= limit else None


def _is_expressible(kind: Kind, value: str) -> bool:
    return kind is not Kind.IP or not value.endswith("/0")


def make_can_express(export: Export, allows: Iterable[tuple[str, Scope]]) -> CanExpress:
    """Return a function that tells whether the target can express a block.

    `allows` are the names and scopes of the allows in the export.
    """
    by_rules = _make_rule_check(export.target, allows)
    if export.target.dialect != "rpz":
        return by_rules
    by_length = _make_zone_check(export, [name for name, _ in allows])
    return lambda value, scope, query: by_length(value, query) and by_rules(value, scope, query)


def _make_rule_check(target: Target, allows: Iterable[tuple[str, Scope]]) -> CanExpress:
    allowed: dict[str, set[Scope]] = {}
    for name, scope in allows:
        allowed.setdefault(name, set()).add(scope)
    above_allows = {up for name in allowed for up in name_and_ancestors(name) if up != name}

    def can_express(value: str, scope: Scope, query: str) -> bool:
        if target.max_name is not None and len(value) > target.max_name:
            return False
        if target.name_form and not re.fullmatch(target.name_form, value):
            return False
        if target.allows is AllowPrecedence.ALWAYS and any(
            name in allowed for name in name_and_ancestors(query)
        ):
            return False
        is_free = value not in allowed and (
            value not in above_allows or target.allows is not AllowPrecedence.NONE
        )
        if value == query and target.exact_needs_dot and "." not in value:
            return scope is Scope.SUBTREE and is_free
        if value == query:
            return Scope.EXACT in target.scopes or (scope is Scope.SUBTREE and is_free)
        if Scope.SUBTREE not in target.scopes or (
            target.allows is AllowPrecedence.NONE and value in above_allows
        ):
            return False
        if Scope.BELOW in target.scopes:
            return True
        # An allow of a name itself also opens the names below it.
        between = takewhile(lambda name: name != value, name_and_ancestors(query))
        return scope is Scope.SUBTREE and not any(name in allowed for name in (*between, value))

    return can_express


def _make_zone_check(export: Export, allows: Iterable[str]) -> Callable[[str, str], bool]:
    limit = export.max_name_length
    # An allow that does not fit under the zone opens names above it, and all names below those.
    opened = {
        next((up for up in name_and_ancestors(name) if len(up) <= length), name)
        for name in allows
        if len(name) > limit
        for length in (limit, limit - len("*."))
    }

    def fits_zone(value: str, query: str) -> bool:
        owner = value if value == query else f"*.{value}"
        last_label = query.rpartition(".")[2]
        is_name = len(owner) <= limit and not last_label.startswith("rpz-")
        return is_name and opened.isdisjoint(name_and_ancestors(query))

    return fits_zone
