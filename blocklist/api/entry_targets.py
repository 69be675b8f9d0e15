"""Find what an entry is about: typed texts -> indicator and scope of each entry, and remarks.

DNS servers and firewalls block whole hosts. So a link stands for its host, unless an entry on the
link itself has an effect.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from blocklist.api.arguments import parse_typed_names
from blocklist.check.single import check_one
from blocklist.indicators.query import TypedQuery
from blocklist.indicators.urls import parse_url
from blocklist.ledger.db.connection import open_read_only
from blocklist.ledger.lookup import LedgerLookup
from blocklist.model import Indicator, Kind, Scope, Verdict


@dataclass(frozen=True, slots=True)
class EntryTarget:
    """What one entry is about."""

    indicator: Indicator
    scope: Scope
    #: How the text was understood, for a person; empty if that is obvious.
    remark: str = ""


def find_entry_targets(
    database: Path, action: Verdict, names: str | Iterable[str], scope: Scope
) -> list[EntryTarget]:
    """Return what entries on names would be about, each indicator and scope once.

    `scope` is that of names whose spelling is that of a whole subtree or leaves the scope open.
    Raise `InvalidNames` for all that are no names.
    """
    targets: dict[tuple[Indicator, Scope], EntryTarget] = {}
    given = parse_typed_names(names)
    with open_read_only(database) as reader:
        lookup = LedgerLookup(reader) if reader else None
        for name, typed in given:
            indicator, remark = _choose_indicator(name, typed, action, lookup)
            own_scope = Scope.EXACT if _is_exact(typed, indicator, scope) else scope
            target = EntryTarget(indicator, own_scope, remark)
            targets.setdefault((indicator, own_scope), target)
    return list(targets.values())


def host_of_link(indicator: Indicator) -> Indicator:
    """Return the host of a URL; any other indicator as it is."""
    if indicator.kind is not Kind.URL:
        return indicator
    url = parse_url(indicator.value)
    return Indicator(url.host_kind, url.host)


def _is_exact(typed: TypedQuery, indicator: Indicator, scope: Scope) -> bool:
    """Return whether an entry covers one thing alone: no name, or a rule such as `|x^`."""
    is_exact_rule = typed.scope is Scope.EXACT and scope is Scope.SUBTREE
    return indicator.kind is not Kind.DOMAIN or is_exact_rule


def _choose_indicator(
    name: str, typed: TypedQuery, action: Verdict, lookup: LedgerLookup | None
) -> tuple[Indicator, str]:
    """Return the indicator of an entry, and a remark."""
    indicator, host = typed.indicator, host_of_link(typed.indicator)
    if indicator.kind is not Kind.URL:
        remark = f"{name}: the entry is on {host.value}, {typed.remark}"
        return indicator, remark if typed.remark else ""
    alone, whole = (
        f"{indicator.value}: the entry is on this link alone",
        f"{indicator.value}: the entry is on the host of the link, {host.value}",
    )
    if _is_whole_host(indicator.value):
        return host, whole
    if action is Verdict.BLOCK:
        advice = f"to block the whole host: blocklist block add {host.value}"
        return indicator, f"{alone}, which only lists of URLs contain; {advice}"
    if lookup and _is_held_back_alone(indicator, host, lookup):
        return indicator, f"{alone}, because its host {host.value} is not blocked"
    return host, f"{whole}, because servers block whole hosts"


def _is_whole_host(url: str) -> bool:
    """Return whether a URL has no page."""
    return url.partition("://")[2].partition("/")[2] == ""


def _is_held_back_alone(indicator: Indicator, host: Indicator, lookup: LedgerLookup) -> bool:
    """Return whether a URL is listed, and its host is not blocked."""
    if not lookup.find_verdicts([indicator.value]):
        return False
    return check_one(host.value, lookup).verdict is not Verdict.BLOCK
